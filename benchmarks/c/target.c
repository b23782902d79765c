/* The target of the benchmarks: a WebSocket broadcaster and an HTTP server in one epoll loop, cheap on purpose.
 *
 * Prints "port N". Commands on stdin, each answered by one line of JSON:
 *   send RATE SIZE same|distinct   broadcast SIZE bytes of JSON RATE times a second; RATE 0 stops
 *   stats                          what was counted since the start
 * A connection that does not take a frame whole gets the rest later and no new frame before that: `skipped`.
 */
#include <sys/timerfd.h>

#include "ws.h"

struct conn {
    int websocket, index, in_size, left_at, left_size;
    char *in, *left;
};
static struct conn conns[MAX_FD];
static int fds[MAX_FD], open_count;
static long sent, skipped, late, upgrades, closes, requests, pings, dropped;
static int epoll, timer, distinct;
static char *frame;
static int frame_size, header_size;
static long sequence = 1000000000;

static void forget(int fd) {
    struct conn *c = &conns[fd];
    if (c->websocket) {
        int last = fds[--open_count];
        fds[c->index] = last;
        conns[last].index = c->index;
    }
    free(c->in);
    free(c->left);
    memset(c, 0, sizeof *c);
    close(fd);
}

static void build_frame(int size) {
    free(frame);
    frame = malloc(size + 16);
    frame[0] = (char)0x81;
    if (size < 126) frame[1] = size, header_size = 2;
    else if (size < 65536) frame[1] = 126, frame[2] = size >> 8, frame[3] = size, header_size = 4;
    else {
        frame[1] = 127, header_size = 10;
        for (int i = 0; i < 8; i++) frame[2 + i] = (uint64_t)size >> (56 - 8 * i);
    }
    frame_size = header_size + size;
    char *body = frame + header_size;
    int used = sprintf(body, "{\"server_time\":0000000000.000000,\"seq\":0000000000,\"id\":1000000,\"pad\":\"");
    memset(body + used, 'x', size - used - 2);
    memcpy(body + size - 2, "\"}", 2);
}

enum { TIME_AT = 15, SEQ_AT = 39, ID_AT = 55 };

static void digits(char *at, int width, long value) {
    for (at += width; width--; value /= 10) *--at = '0' + value % 10;
}

static void stamp(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char *body = frame + header_size;
    digits(body + TIME_AT, 10, now.tv_sec);
    digits(body + TIME_AT + 11, 6, now.tv_nsec / 1000);
}

static void keep_rest(int fd, const char *from, int size) {
    struct conn *c = &conns[fd];
    c->left = malloc(size);
    memcpy(c->left, from, size);
    c->left_at = 0, c->left_size = size;
    struct epoll_event event = {EPOLLIN | EPOLLOUT, {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static void write_rest(int fd) {
    struct conn *c = &conns[fd];
    if (!c->left) return;
    ssize_t n = send(fd, c->left + c->left_at, c->left_size - c->left_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) c->left_at += n;
    if (c->left_at < c->left_size) return;
    free(c->left);
    c->left = NULL;
    sent++;
    struct epoll_event event = {EPOLLIN, {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

static void broadcast(void) {
    digits(frame + header_size + SEQ_AT, 10, sequence++);
    stamp();
    for (int i = 0; i < open_count; i++) {
        int fd = fds[i];
        if (distinct) {
            digits(frame + header_size + ID_AT, 7, 1000000 + i);
            stamp();
        }
        if (conns[fd].left) { skipped++; continue; }
        ssize_t n = send(fd, frame, frame_size, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n == frame_size) sent++;
        else if (n > 0) keep_rest(fd, frame + n, frame_size - n);
        else skipped++;
    }
}

static void on_timer(void) {
    uint64_t due = 0;
    if (read(timer, &due, sizeof due) != sizeof due) return;
    late += due - 1;
    broadcast();
}

static void on_command(void) {
    char line[256], how[32];
    int rate, size;
    if (!read_command(line, sizeof line)) exit(0);
    if (sscanf(line, "send %d %d %31s", &rate, &size, how) == 3) {
        struct itimerspec every = {{0, 0}, {0, 0}};
        if (rate) {
            build_frame(size);
            distinct = !strcmp(how, "distinct");
            long ns = 1000000000L / rate;
            every.it_interval.tv_sec = every.it_value.tv_sec = ns / 1000000000L;
            every.it_interval.tv_nsec = every.it_value.tv_nsec = ns % 1000000000L;
        }
        timerfd_settime(timer, 0, &every, NULL);
    }
    printf("{\"sent\":%ld,\"skipped\":%ld,\"late\":%ld,\"open\":%d,\"upgrades\":%ld,\"closes\":%ld,\"requests\":%ld,"
           "\"pings\":%ld,\"dropped\":%ld}\n",
           sent, skipped, late, open_count, upgrades, closes, requests, pings, dropped);
    fflush(stdout);
}

static void upgrade(int fd, const char *head) {
    const char *key = strcasestr(head, "\r\nSec-WebSocket-Key: ");
    char accept[32], answer[256];
    accept_of(key + 21, accept);
    int size = sprintf(answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n",
                       accept);
    if (send(fd, answer, size, MSG_NOSIGNAL) != size) return;
    conns[fd].websocket = 1;
    conns[fd].index = open_count;
    fds[open_count++] = fd;
    upgrades++;
}

static void answer_request(int fd) {
    static char answer[512];
    static int size;
    if (!size) {
        size = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 200\r\n\r\n");
        int used = sprintf(answer + size, "{\"quotes\":[1,2,3],\"server_time\":1700000000.0,\"pad\":\"");
        memset(answer + size + used, 'x', 200 - used - 2);
        memcpy(answer + size + 198, "\"}", 2);
        size += 200;
    }
    requests++;
    send(fd, answer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* One client frame (masked, below 126 bytes); bytes used, 0: not all there, -1: the connection is over. */
static int take_frame(int fd, uint8_t *in, int size) {
    if (size < 6) return 0;
    int length = in[1] & 0x7F, opcode = in[0] & 0x0F;
    if (length > 125 || !(in[1] & 0x80)) return -1;
    if (size < 6 + length) return 0;
    for (int i = 0; i < length; i++) in[6 + i] ^= in[2 + i % 4];
    if (opcode != 8 && opcode != 9) return 6 + length;
    in[4] = opcode == 8 ? 0x88 : 0x8A, in[5] = length;
    send(fd, in + 4, 2 + length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (opcode == 9) { pings++; return 6 + length; }
    closes++;
    return -1;
}

static int take_request(int fd, char *in, int size) {
    char *end = memmem(in, size, "\r\n\r\n", 4);
    if (!end) return size > 8000 ? -1 : 0;
    *end = 0;
    if (strcasestr(in, "\r\nUpgrade: websocket")) upgrade(fd, in);
    else answer_request(fd);
    return end + 4 - in;
}

static void readable(int fd) {
    static char in[READ_BYTES + 1];
    struct conn *c = &conns[fd];
    memcpy(in, c->in, c->in_size);
    ssize_t n = recv(fd, in + c->in_size, READ_BYTES - c->in_size, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        dropped += c->websocket;
        forget(fd);
        return;
    }
    int size = c->in_size + n, at = 0, used = 1;
    while (at < size && used > 0) {
        used = c->websocket ? take_frame(fd, (uint8_t *)in + at, size - at) : take_request(fd, in + at, size - at);
        at += used > 0 ? used : 0;
    }
    if (used < 0) {
        forget(fd);
        return;
    }
    free(c->in);
    c->in = NULL;
    c->in_size = size - at;
    if (c->in_size) c->in = memcpy(malloc(c->in_size), in + at, c->in_size);
}

static void watch(int fd) {
    struct epoll_event event = {EPOLLIN, {.fd = fd}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void accept_all(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
        no_delay(fd);
        watch(fd);
    }
}

int main(void) {
    raise_descriptor_limit();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    watch(listener);
    watch(timer);
    watch(0);
    struct epoll_event events[1024];
    for (;;) {
        int n = epoll_wait(epoll, events, 1024, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) accept_all(listener);
            else if (fd == timer) on_timer();
            else if (fd == 0) on_command();
            else {
                if (events[i].events & EPOLLOUT) write_rest(fd);
                if (events[i].events & ~EPOLLOUT) readable(fd);
            }
        }
    }
}
