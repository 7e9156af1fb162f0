#include "gateway/origin.h"

#include <arpa/inet.h>

enum { HOST_NAME_SIZE_MAX = 253 }; /* RFC 1035 §2.3.4 */

/* Splits "name:port" and "[address]:port"; port is empty when there is none. False: not this form.
 */
static bool split_host(str_t host, str_t *out_name, str_t *out_port)
{
    size_t end =
        host.size > 0 && host.data[0] == '[' ? str_find(host, ']') + 1 : str_find(host, ':');
    if (end > host.size || (end < host.size && host.data[end] != ':'))
        return false;
    *out_name = str_slice(host, 0, end);
    *out_port = str_slice(host, end + 1, host.size);
    uint32_t port = 1;
    if (end < host.size && (str_to_u32(*out_port, &port) != ERR_OK || out_port->size > 5))
        return false;
    return port >= 1 && port <= 65535;
}

static bool is_address(int family, str_t text)
{
    char terminated[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    if (text.size >= sizeof terminated)
        return false;
    memcpy(terminated, text.data, text.size);
    terminated[text.size] = '\0';
    return inet_pton(family, terminated, bytes) == 1;
}

static bool is_bracketed_address(str_t name)
{
    return name.size > 2 && name.data[0] == '[' &&
           is_address(AF_INET6, str_slice(name, 1, name.size - 1));
}

static bool is_name(str_t name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '-' || c == '.' || c == '_';
        if (!is_fit)
            return false;
    }
    return name.size > 0 && name.size <= HOST_NAME_SIZE_MAX && name.data[0] != '.';
}

bool host_is_valid(str_t host)
{
    str_t name, port;
    return split_host(host, &name, &port) && (is_name(name) || is_bracketed_address(name));
}

bool host_is_allowed(str_t host, const str_t *names, size_t count)
{
    str_t name, port;
    if (!host_is_valid(host) || !split_host(host, &name, &port))
        return false;
    if (count == 0 || is_bracketed_address(name) || is_address(AF_INET, name) ||
        str_equal_ignoring_case(name, STR("localhost")))
        return true;
    for (size_t i = 0; i < count; i++)
        if (str_equal_ignoring_case(name, names[i]))
            return true;
    return false;
}

static str_t default_port(str_t scheme)
{
    return str_equal_ignoring_case(scheme, STR("https")) ? STR("443") : STR("80");
}

bool origin_is_same(str_t origin, str_t scheme, str_t host, const str_t *others, size_t other_count)
{
    for (size_t i = 0; i < other_count; i++)
        if (!str_is_empty(origin) && str_equal_ignoring_case(origin, others[i]))
            return true;
    size_t colon = str_find(origin, ':');
    str_t rest = str_slice(origin, colon, origin.size), name, port, own_name, own_port;
    if (!str_equal_ignoring_case(str_slice(origin, 0, colon), scheme) ||
        !str_starts_with(rest, STR("://")) ||
        !split_host(str_slice(rest, 3, rest.size), &name, &port) ||
        !split_host(host, &own_name, &own_port))
        return false;
    port = str_is_empty(port) ? default_port(scheme) : port;
    own_port = str_is_empty(own_port) ? default_port(scheme) : own_port;
    return !str_is_empty(name) && str_equal_ignoring_case(name, own_name) &&
           str_equal(port, own_port);
}
