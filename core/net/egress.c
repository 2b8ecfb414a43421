/* SPDX-License-Identifier: Apache-2.0 */
#include "net/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* IANA's registries of special-purpose addresses (RFC 6890 and its updates), multicast, and
 * everything that can carry another address inside it where we do not look. */
static const char *const closed[] = {
    "0.0.0.0/8",     "10.0.0.0/8",      "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16",
    "172.16.0.0/12", "192.0.0.0/24",    "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",
    "::/96",         "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64",       "2001::/23",
    "2001:db8::/32", "3fff::/20",       "5f00::/16",      "fc00::/7",       "fe80::/10",
    "fec0::/10",     "ff00::/8",
};

static bool in_range(const uint8_t address[16], const struct egress_range *range)
{
    int whole = range->bits / 8, rest = range->bits % 8;
    if (memcmp(address, range->address, (size_t)whole) != 0)
        return false;
    if (rest == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff << (8 - rest));
    return ((address[whole] ^ range->address[whole]) & mask) == 0;
}

static bool parse_range(struct str cidr, struct egress_range *ret)
{
    char text[INET6_ADDRSTRLEN + 1];
    struct str address = cidr;
    uint64_t bits = 128;
    ptrdiff_t slash = str_find(cidr, '/');
    if (slash >= 0) {
        address.len = (size_t)slash;
        if (!str_to_u64(str_slice(cidr, address.len + 1, cidr.len - address.len - 1), &bits))
            return false;
    }
    if (address.len >= sizeof text)
        return false;
    memcpy(text, address.ptr, address.len);
    text[address.len] = '\0';
    if (inet_pton(AF_INET, text, ret->address + 12) == 1) {
        memcpy(ret->address, mapped_prefix, sizeof mapped_prefix);
        bits = slash >= 0 ? bits + 96 : 128;
        if (bits < 96)
            return false;
    } else if (inet_pton(AF_INET6, text, ret->address) != 1) {
        return false;
    }
    ret->bits = (int)bits;
    return bits <= 128;
}

int egress_allow(struct egress *egress, struct str cidr, struct error *err)
{
    struct egress_range range;
    if (egress->count >= EGRESS_RANGES)
        return error_set(err, "more than %d address ranges: join some", EGRESS_RANGES);
    if (!parse_range(cidr, &range))
        return error_set(err, "'%.*s' is no address range; write it like 10.1.0.0/16 or ::1/128",
                         STR_ARG(cidr));
    egress->allowed[egress->count++] = range;
    return 0;
}

/* Addresses that carry an IPv4 address inside: mapped, NAT64 and 6to4 count as what they carry. */
static void unwrap(uint8_t address[16])
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    uint8_t inner[4];
    if (memcmp(address, nat64, sizeof nat64) == 0)
        memcpy(inner, address + 12, 4);
    else if (address[0] == 0x20 && address[1] == 0x02)
        memcpy(inner, address + 2, 4);
    else
        return;
    memcpy(address, mapped_prefix, sizeof mapped_prefix);
    memcpy(address + 12, inner, 4);
}

static bool is_closed(const uint8_t address[16])
{
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        struct egress_range range;
        if (parse_range(str_from(closed[i]), &range) && in_range(address, &range))
            return true;
    }
    return false;
}

int egress_check(const struct egress *egress, const struct sockaddr *address, struct error *err)
{
    uint8_t bytes[16];
    char text[INET6_ADDRSTRLEN];
    if (address->sa_family == AF_INET) {
        memcpy(bytes, mapped_prefix, sizeof mapped_prefix);
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    } else {
        return error_set(err, "only internet addresses may be reached");
    }
    unwrap(bytes);
    for (size_t i = 0; i < egress->count; i++)
        if (in_range(bytes, &egress->allowed[i]))
            return 0;
    if (!is_closed(bytes))
        return 0;
    bool is_v4 = memcmp(bytes, mapped_prefix, sizeof mapped_prefix) == 0;
    inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? bytes + 12 : bytes, text, sizeof text);
    return error_set(
        err,
        "%s is a private address, which this connection may not reach; if it should, add "
        "it to network.allow",
        text);
}

bool egress_eq(const struct egress *a, const struct egress *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->allowed[i].bits != b->allowed[i].bits ||
            memcmp(a->allowed[i].address, b->allowed[i].address, 16) != 0)
            return false;
    return true;
}
