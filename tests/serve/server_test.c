/* A server without a model, and the parts of one that need none. */
#include "cmocka_all.h"
#include "serve/base64.h"
#include "serve/server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void exchange(const struct server *server, const char *request, char *answer, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    at.sin_port = htons((uint16_t)strtol(strrchr(server_address(server), ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    ssize_t got = 1;
    size_t used = 0;
    while (got > 0 && used < size - 1)
        used += (size_t)((got = recv(fd, answer + used, size - 1 - used, 0)) > 0 ? got : 0);
    answer[used] = '\0';
    close(fd);
}

static struct server *start(void)
{
    struct server_options options;
    struct server *server;
    lmvr_error error;
    server_options_default(&options);
    options.port = 0;
    assert_int_equal(server_start(&options, &server, &error), LMVR_OK);
    return server;
}

static void a_server_answers_503_until_it_has_a_model(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /v1/models/m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "POST /v1/embeddings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: 13\r\n\r\n{\"input\":\"a\"}",
    };
    char answer[4096];
    struct server *server = start();
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        exchange(server, requests[i], answer, sizeof answer);
        assert_true(strncmp(answer, "HTTP/1.1 503 ", 13) == 0);
        assert_non_null(strstr(answer, "Retry-After: "));
        assert_non_null(strstr(answer, i == 0 ? "{\"status\":\"loading model\"}" : "the model is being loaded"));
    }
    server_drain(server);
    server_free(server);
}

static void health_answers_while_a_server_drains(void **state)
{
    (void)state;
    char answer[4096];
    struct server *server = start();
    server_drain(server);
    exchange(server, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "the server is stopping"));
    exchange(server, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n", answer, sizeof answer);
    assert_non_null(strstr(answer, "loading model"));
    server_free(server);
}

static void check_base64(const char *text, const char *bytes, size_t size)
{
    uint8_t decoded[64];
    char encoded[64];
    size_t got = 0;
    assert_true(base64_decode(text, strlen(text), decoded, &got));
    assert_int_equal(got, size);
    assert_memory_equal(decoded, bytes, size);
    base64_encode(bytes, size, encoded);
    assert_int_equal(strlen(encoded), base64_length(size));
    assert_int_equal(strncmp(encoded, text, strlen(text)), 0);
}

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    check_base64("", "", 0);
    check_base64("Zg==", "f", 1);
    check_base64("Zg", "f", 1);
    check_base64("Zm8=", "fo", 2);
    check_base64("Zm8", "fo", 2);
    check_base64("Zm9v", "foo", 3);
    check_base64("Zm9vYmFy", "foobar", 6);
    check_base64("AAD/+/4=", "\0\0\xff\xfb\xfe", 5);
}

static void what_is_not_base64_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Z", "Zm9vY", "Zm9-", "Zm9v\n", "Z===", "====", "=", "Zg==Zg==", "Zg=", " Zg=", "Zm9v=", "\xc3\xa9mm"};
    uint8_t decoded[64];
    size_t size;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(base64_decode(wrong[i], strlen(wrong[i]), decoded, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_answers_503_until_it_has_a_model),
        cmocka_unit_test(health_answers_while_a_server_drains),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(what_is_not_base64_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
