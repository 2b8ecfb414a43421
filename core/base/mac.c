/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>

#include "base/mem.h"

struct mac {
    EVP_MAC_CTX *ctx;
};

struct mac *mac_new(struct str key)
{
    char name[] = "SHA256";
    OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                           OSSL_PARAM_construct_end()};
    struct mac *mac = MEM_NEW(struct mac);
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    mac->ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    EVP_MAC_free(hmac);
    if (mac->ctx && EVP_MAC_init(mac->ctx, (const uint8_t *)key.ptr, key.len, digest) == 1)
        return mac;
    mac_free(mac);
    return NULL;
}

int mac_add(struct mac *mac, struct str piece)
{
    return EVP_MAC_update(mac->ctx, (const uint8_t *)piece.ptr, piece.len) == 1 ? 0 : -1;
}

int mac_end(struct mac *mac, uint8_t ret_code[MAC_SIZE])
{
    size_t len = 0;
    return EVP_MAC_final(mac->ctx, ret_code, &len, MAC_SIZE) == 1 && len == MAC_SIZE ? 0 : -1;
}

void mac_free(struct mac *mac)
{
    if (!mac)
        return;
    EVP_MAC_CTX_free(mac->ctx);
    free(mac);
}
