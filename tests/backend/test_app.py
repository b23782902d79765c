from raw_client import Client, record_of, request, running


def test_plain_uvicorn_serves_it_with_settings_from_the_environment() -> None:
    with running(
        "-m", "uvicorn", "backend.app:app", "--no-use-colors", WS_THROTTLE_INTERVAL_MS="20", DEMO_TICK_RATE="50"
    ) as (base, _):
        client = Client(base, "/ws/market", compression=True)
        client.read_until(3)
        client.close()
        assert record_of(base, client)["written"] == len(client.received.texts)
        assert request(base, "/api/market/snapshot")[0] == 200
