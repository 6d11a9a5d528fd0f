/* Which pages may use the server: its own. */
#include "serve/http_parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MOST_NAME 255 /* bytes of a host's name, as in the DNS */

const char *header_of(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value ? value : "";
}

/* The name in "name:port" or "[address]:port". False: there is none, or something else. */
static bool read_name(const char *host, char name[MOST_NAME + 1])
{
    bool bracket = *host == '[';
    size_t size = strcspn(host += bracket, bracket ? "]" : ":");
    if (size == 0 || size > MOST_NAME || (bracket && host[size] != ']'))
        return false;
    memcpy(name, host, size);
    name[size] = '\0';
    return true;
}

static bool is_local(const char *name, const char *own)
{
    static const char local[] = "localhost", below[] = ".localhost";
    unsigned char address[sizeof(struct in6_addr)];
    size_t size = strlen(name), ending = sizeof below - 1;
    return strcasecmp(name, own) == 0 || strcasecmp(name, local) == 0 ||
           (size > ending && strcasecmp(name + size - ending, below) == 0) || inet_pton(AF_INET, name, address) == 1 ||
           inet_pton(AF_INET6, name, address) == 1;
}

/* Only a site that calls itself something can be another name for this machine: one that is asked for by address is not. */
static bool check_host(struct exchange *e, const char *host)
{
    char name[MOST_NAME + 1];
    const struct http *http = e->http;
    if (!http->loopback || http->options.key || !*host || (read_name(host, name) && is_local(name, http->options.host)))
        return true;
    return failure_set(&e->failure, 403, NULL,
                       "this server is asked for as \"%.100s\", but without a key, it only answers to this machine's names; "
                       "--host or --api-key allows others",
                       host);
}

static bool is(const char *text, const char *word)
{
    return strcasecmp(text, word) == 0;
}

/* Browsers tell whose page a request is for, newer ones in a word, and those also of what is only read. Links from elsewhere
 * are followed, but nobody else's page gets a picture, say, made for it. */
static bool check_site(struct exchange *e, struct MHD_Connection *connection, const char *host, bool reads)
{
    const char *site = header_of(connection, "Sec-Fetch-Site"), *origin = header_of(connection, "Origin");
    const char *authority = strstr(origin, "://");
    bool own = *site               ? is(site, "same-origin") || is(site, "none")
               : *origin && !reads ? authority && is(authority + 3, host)
                                   : true;
    if (own || (reads && is(header_of(connection, "Sec-Fetch-Dest"), "document")))
        return true;
    return failure_set(&e->failure, 403, NULL, "the request comes from a page of another site%s%.100s", *origin ? ": " : "",
                       origin);
}

bool origin_check(struct exchange *exchange, struct MHD_Connection *connection, const char *method)
{
    const char *host = header_of(connection, "Host");
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    return check_host(exchange, host) && check_site(exchange, connection, host, reads);
}
