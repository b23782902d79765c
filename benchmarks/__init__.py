"""What a worker costs, as ratios against references measured in the same run: `make bench`.

`c/` holds the target and the reference client, `clients/` the programs that are measured; the rest starts them, reads
their CPU time and memory from the kernel, and prints the table. It shares nothing with the tests.
"""
