/* The reference client: the least that can be done. It connects, upgrades, reads, and counts frames.
 *
 * reference PORT; commands on stdin, each answered by one line of JSON:
 *   connect N   open N more connections, 64 at a time; answered when all are upgraded
 *   report      frames and bytes counted since the start
 */
#include "ws.h"

enum { IN_FLIGHT = 64 };
enum state { NEW, CONNECTING, UPGRADING, OPEN };
struct conn {
    enum state state;
    int held;
    uint64_t left;
    uint8_t head[10];
    char accept[32];
};
static struct conn conns[MAX_FD];
static struct sockaddr_in address;
static int epoll, wanted, started, established, asked;
static long frames, bytes, failed;
static uint8_t in[READ_BYTES + 1];

static void watch(int fd, uint32_t what, int how) {
    struct epoll_event event = {what, {.fd = fd}};
    epoll_ctl(epoll, how, fd, &event);
}

static void begin(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) die("connect");
    conns[fd] = (struct conn){.state = CONNECTING};
    watch(fd, EPOLLOUT, EPOLL_CTL_ADD);
    started++;
}

static void request(int fd) {
    uint8_t random[16];
    char key[32], text[512];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) die("connect");
    for (int i = 0; i < 16; i++) random[i] = rand();
    base64(random, 16, key);
    accept_of(key, conns[fd].accept);
    no_delay(fd);
    int length = sprintf(text,
                         "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                         "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                         ntohs(address.sin_port), key);
    if (send(fd, text, length, MSG_NOSIGNAL) != length) die("send");
    conns[fd].state = UPGRADING;
    watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

/* Counts the frames of what was read; a frame may come in any number of pieces. */
static void count(struct conn *c, const uint8_t *p, uint64_t size) {
    while (size) {
        if (c->left) {
            uint64_t n = c->left < size ? c->left : size;
            p += n, size -= n, c->left -= n;
            frames += !c->left;
            continue;
        }
        c->head[c->held++] = *p++, size--;
        if (c->held < 2) continue;
        int form = c->head[1] & 0x7F, header = form < 126 ? 2 : form == 126 ? 4 : 10;
        if (c->held < header) continue;
        c->left = form < 126 ? form : 0;
        for (int i = 2; i < header; i++) c->left = c->left << 8 | c->head[i];
        c->held = 0;
        frames += !c->left;
    }
}

static void answered(int fd, struct conn *c, ssize_t n) {
    in[n] = 0;
    char *end = strstr((char *)in, "\r\n\r\n"), *accept = strcasestr((char *)in, "\r\nSec-WebSocket-Accept: ");
    if (!end || !accept || memcmp(in, "HTTP/1.1 101", 12) || memcmp(accept + 24, c->accept, 28)) {
        fprintf(stderr, "not an upgrade: %.200s\n", (char *)in);
        exit(1);
    }
    c->state = OPEN;
    established++;
    (void)fd;
    count(c, (uint8_t *)end + 4, n - ((uint8_t *)end + 4 - in));
}

static void readable(int fd) {
    struct conn *c = &conns[fd];
    ssize_t n = recv(fd, in, READ_BYTES, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        failed++;
        close(fd);
        return;
    }
    bytes += n;
    if (c->state == OPEN) count(c, in, n);
    else answered(fd, c, n);
}

static void on_command(void) {
    char line[128];
    int more;
    if (!read_command(line, sizeof line)) exit(0);
    if (sscanf(line, "connect %d", &more) == 1) {
        wanted += more;
        asked = 1;
        return;
    }
    printf("{\"messages\":%ld,\"bytes\":%ld,\"failed\":%ld}\n", frames, bytes, failed);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    raise_descriptor_limit();
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(atoi(argv[1]));
    srand(getpid());
    epoll = epoll_create1(0);
    watch(0, EPOLLIN, EPOLL_CTL_ADD);
    puts("{\"ready\":true}");
    fflush(stdout);
    struct epoll_event events[1024];
    for (;;) {
        while (started < wanted && started - established < IN_FLIGHT) begin();
        if (asked && established == wanted) {
            asked = 0;
            printf("{\"open\":%d}\n", established);
            fflush(stdout);
        }
        int n = epoll_wait(epoll, events, 1024, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) on_command();
            else if (conns[fd].state == CONNECTING) request(fd);
            else readable(fd);
        }
    }
}
