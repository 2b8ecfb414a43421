/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a seeded record holds: each value is a function of (seed, type, index) and of how many
 * companies there are, made when it is asked for. Domains lie under .example (RFC 2606), so that
 * nothing that leaves a trial reaches anybody.
 */
#include "hubspot.h"

#include <stdio.h>

#include "hubspot_seed.h"
#include "hubspot_words.h"

const int64_t seed_end_ms = INT64_C(1767225600000); /* 2026-01-01T00:00:00Z */
const int64_t seed_start_ms = INT64_C(1767225600000) - INT64_C(31536000000);

/* ---- hashes and times ---- */

uint64_t seed_hash(const struct hubspot *h, enum object_type type, uint32_t index)
{
    return mix(h->seed_hash ^ ((uint64_t)type << 56) ^ ((uint64_t)index * 0x9E3779B97F4A7C15u));
}

int64_t seed_modified(const struct hubspot *h, enum object_type type, uint32_t index)
{
    uint64_t span = (uint64_t)(seed_end_ms - seed_start_ms);
    if (type == COMPANIES && index < h->options->same_modified)
        return seed_start_ms + (int64_t)(span / 2) + 123;
    return seed_start_ms + (int64_t)(mix(seed_hash(h, type, index) + 0xA5) % span);
}

int64_t seed_created(uint64_t hash, int64_t modified_ms)
{
    return modified_ms - 3600000 - (int64_t)(mix(hash + 0xC3) % UINT64_C(60480000000));
}

/* ---- what both types have ---- */

static const struct place *place_of(uint64_t hash)
{
    return &places[hash >> 7 & (COUNT(places) - 1)];
}

static bool phone(struct text *out, const struct place *place, uint64_t hash)
{
    char digits[16];
    if (hash % 20 == 0)
        return false;
    snprintf(digits, sizeof digits, "%05u", (unsigned)(hash >> 20) % 100000);
    text_add(out, place->dial);
    text_char(out, digits[0]);
    text_char(out, ' ');
    return add(out, digits + 1);
}

static bool street(struct text *out, uint64_t hash)
{
    if (hash % 10 == 0)
        return false;
    text_u64(out, 1 + (hash >> 8) % 400);
    text_char(out, ' ');
    return pick(out, streets, COUNT(streets), hash >> 24);
}

static bool zip(struct text *out, uint64_t hash)
{
    return number(out, 10000 + hash % 89999);
}

/* ---- companies ---- */

static const struct csv_company *real_company(const struct hubspot *h, uint32_t index)
{
    return index < h->real.count ? &h->real.rows[index] : NULL;
}

static const char *company_adjective(uint64_t hash)
{
    return adjectives[hash & 63];
}

static const char *company_noun(uint64_t hash)
{
    return nouns[hash >> 6 & 63];
}

static bool company_name(const struct hubspot *h, uint32_t index, uint64_t hash, uint64_t salt,
                         struct text *out)
{
    const struct csv_company *real = real_company(h, index);
    if (real) {
        text_add(out, real->name);
        return salt ? pick(out, endings, COUNT(endings), mix(hash ^ salt)) : true;
    }
    text_add(out, company_adjective(hash));
    text_char(out, ' ');
    text_add(out, company_noun(hash));
    return pick(out, endings, COUNT(endings), salt ? mix(hash ^ salt) : hash >> 12);
}

/* The letters and digits of a name: what a domain is made of. */
static void slug(struct text *out, const char *name)
{
    size_t start = out->len;
    for (; *name; name++) {
        char c = (char)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            text_char(out, c);
        if (out->len - start >= 50)
            return;
    }
    if (out->len == start)
        text_add(out, "company");
}

static bool company_domain(const struct hubspot *h, uint32_t index, uint64_t hash, struct text *out)
{
    const struct csv_company *real = real_company(h, index);
    if (real && real->domain)
        return add(out, real->domain);
    if (mix(hash + 0x1D) % 200 == 0)
        return false;
    if (real) {
        slug(out, real->name);
        return add(out, ".example");
    }
    lower(out, company_adjective(hash));
    lower(out, company_noun(hash));
    text_u64(out, index);
    return add(out, ".example");
}

/* One company in twelve has a parent: an earlier one, or, where a client has to cope with parents
 * that come later, a later one whose index ends in 7. Those have none, so there is no circle. */
static bool company_parent(const struct hubspot *h, const struct record *r, uint64_t hash,
                           struct text *out)
{
    uint32_t seeded = h->tables[COMPANIES].seeded;
    if (r->index == 0 || r->index % 10 == 7 || hash % 12 != 0)
        return false;
    uint64_t later = r->index + 17 - r->index % 10;
    uint64_t parent = hash >> 32 & 7 ? (hash >> 8) % r->index : later;
    if (parent >= seeded)
        return false;
    return number(out, store_id(h, COMPANIES, (uint32_t)parent));
}

static const char *real_industry(const char *sector)
{
    static const char *const sectors[][2] = {
        {"Industrials", "MACHINERY"},
        {"Health Care", "HOSPITAL_HEALTH_CARE"},
        {"Information Technology", "INFORMATION_TECHNOLOGY_AND_SERVICES"},
        {"Communication Services", "TELECOMMUNICATIONS"},
        {"Consumer Staples", "CONSUMER_GOODS"},
        {"Consumer Discretionary", "RETAIL"},
        {"Financials", "FINANCIAL_SERVICES"},
        {"Utilities", "UTILITIES"},
        {"Real Estate", "REAL_ESTATE"},
        {"Materials", "CHEMICALS"},
        {"Energy", "OIL_ENERGY"},
    };
    for (size_t i = 0; sector && i < COUNT(sectors); i++)
        if (strcmp(sector, sectors[i][0]) == 0)
            return sectors[i][1];
    for (size_t i = 0; sector && hubspot_industries[i]; i++)
        if (strcmp(sector, hubspot_industries[i]) == 0)
            return hubspot_industries[i];
    return NULL;
}

static bool company_industry(const struct hubspot *h, const struct record *r, uint64_t hash,
                             struct text *out)
{
    const struct csv_company *real = real_company(h, r->index);
    const char *industry = real && !r->salt ? real_industry(real->industry) : NULL;
    if (industry)
        return add(out, industry);
    return hash % 16 != 0 && pick_option(out, hubspot_industries, hash >> 8);
}

static bool company_description(const struct record *r, uint64_t hash, struct text *out)
{
    if (hash % 4 == 0)
        return false;
    text_add(out, company_adjective(hash >> 8));
    text_add(out, " solutions for the \"");
    lower(out, company_noun(hash >> 8));
    text_add(out, "\" business,\nsince ");
    text_u64(out, 1900 + r->hash % 120);
    return add(out, " – naïve, but it works.");
}

static bool company_site(const struct hubspot *h, const struct record *r, const char *before,
                         struct text *out)
{
    size_t start = out->len;
    text_add(out, before);
    if (company_domain(h, r->index, r->hash, out))
        return true;
    out->len = start;
    return false;
}

static bool company_city(const struct hubspot *h, const struct record *r, struct text *out)
{
    const struct csv_company *real = real_company(h, r->index);
    if (real && real->city && !r->salt)
        return add(out, real->city);
    return add(out, place_of(r->salt ? value_hash(r, COMPANY_CITY) : r->hash)->city);
}

static bool company_state(const struct hubspot *h, const struct record *r, struct text *out)
{
    const struct csv_company *real = real_company(h, r->index);
    if (real && real->city)
        return real->state && add(out, real->state);
    return add(out, place_of(r->hash)->state);
}

/* A real company whose country is not told has none. */
static bool company_country(const struct hubspot *h, const struct record *r, struct text *out)
{
    const struct csv_company *real = real_company(h, r->index);
    return !(real && real->city) && add(out, place_of(r->hash)->country);
}

static bool company_value(const struct hubspot *h, const struct record *r, unsigned field,
                          struct text *out)
{
    uint64_t hash = value_hash(r, field);
    switch (field) {
    case COMPANY_ADDRESS:
        return street(out, hash);
    case COMPANY_ANNUALREVENUE:
        return hash % 8 != 0 && number(out, (1 + (hash >> 8) % 99999) * 1000);
    case COMPANY_CITY:
        return company_city(h, r, out);
    case COMPANY_COUNTRY:
        return company_country(h, r, out);
    case COMPANY_DESCRIPTION:
        return company_description(r, hash, out);
    case COMPANY_DOMAIN:
        return company_domain(h, r->index, r->hash, out);
    case COMPANY_FOUNDED_YEAR:
        return number(out, 1900 + r->hash % 120);
    case COMPANY_LEAD_STATUS:
        return hash % 3 == 0 && pick_option(out, hubspot_lead_statuses, hash >> 8);
    case COMPANY_OBJECT_SOURCE:
    case COMPANY_TYPE:
        return pick_option(out, hubspot_models[COMPANIES].fields[field].options, hash);
    case COMPANY_PARENT:
        return company_parent(h, r, hash, out);
    case COMPANY_OWNER:
        return hash % 5 != 0 && pick_option(out, hubspot_owner_ids, hash >> 8);
    case COMPANY_INDUSTRY:
        return company_industry(h, r, hash, out);
    case COMPANY_IS_PUBLIC:
        return add(out, real_company(h, r->index) || hash % 10 == 0 ? "true" : "false");
    case COMPANY_LIFECYCLE:
        return pick_option(out, hubspot_lifecycles, hash);
    case COMPANY_LINKEDIN:
        return false;
    case COMPANY_NAME:
        return company_name(h, r->index, r->hash, r->salt, out);
    case COMPANY_EMPLOYEES:
        return hash % 8 != 0 && number(out, 1 + (hash >> 8) % 50000);
    case COMPANY_PHONE:
        return phone(out, place_of(r->hash), hash);
    case COMPANY_STATE:
        return company_state(h, r, out);
    case COMPANY_TIMEZONE:
        return add(out, place_of(r->hash)->timezone);
    case COMPANY_WEBSITE:
        return company_site(h, r, "https://www.", out);
    case COMPANY_ZIP:
        return zip(out, hash);
    default:
        return false;
    }
}

/* ---- contacts ---- */

/* The index of the company that a contact works for; -1 for the three in a hundred without one. */
static int64_t contact_company(const struct hubspot *h, const struct record *r)
{
    uint64_t hash = mix(r->hash + 0x77);
    uint32_t seeded = h->tables[COMPANIES].seeded;
    if (seeded == 0 || hash % 100 < 3)
        return -1;
    return (int64_t)((hash >> 8) % seeded);
}

/* Exactly `dirty` contacts, spread evenly. */
static bool is_dirty(const struct hubspot *h, uint32_t index)
{
    uint64_t dirty = h->options->dirty, seeded = h->tables[CONTACTS].seeded;
    if (dirty == 0 || index >= seeded)
        return false;
    return (index + UINT64_C(1)) * dirty / seeded > index * dirty / seeded;
}

static const struct name *first_name(uint64_t hash)
{
    return &firsts[hash & (COUNT(firsts) - 1)];
}

static const struct name *last_name(uint64_t hash)
{
    return &lasts[hash >> 5 & (COUNT(lasts) - 1)];
}

static void email_local(const struct record *r, char between, struct text *out)
{
    text_add(out, first_name(r->hash)->plain);
    text_char(out, between);
    text_add(out, last_name(r->hash)->plain);
    text_u64(out, r->index);
}

static void email_domain(const struct hubspot *h, const struct record *r, struct text *out)
{
    int64_t company = contact_company(h, r);
    uint32_t index = (uint32_t)company;
    if (company < 0 || !company_domain(h, index, seed_hash(h, COMPANIES, index), out))
        text_add(out, "mail.example");
}

/* Broken in one of four ways that no mail system takes. */
static bool dirty_email(const struct hubspot *h, const struct record *r, struct text *out)
{
    uint64_t kind = r->hash >> 40 & 3;
    if (kind != 2)
        email_local(r, kind == 1 ? ' ' : '.', out);
    text_add(out, kind == 0 ? " at " : "@");
    if (kind != 3)
        email_domain(h, r, out);
    return true;
}

static bool contact_email(const struct hubspot *h, const struct record *r, struct text *out)
{
    if (is_dirty(h, r->index))
        return dirty_email(h, r, out);
    if (mix(r->hash + 0x33) % 50 == 0)
        return false;
    email_local(r, '.', out);
    text_char(out, '@');
    email_domain(h, r, out);
    return true;
}

static bool contact_company_value(const struct hubspot *h, const struct record *r, unsigned field,
                                  struct text *out)
{
    int64_t company = contact_company(h, r);
    uint32_t index = (uint32_t)company;
    if (company < 0)
        return false;
    if (field == CONTACT_COMPANY_ID)
        return number(out, store_id(h, COMPANIES, index));
    return company_name(h, index, seed_hash(h, COMPANIES, index), 0, out);
}

static bool contact_site(const struct hubspot *h, const struct record *r, uint64_t hash,
                         struct text *out)
{
    if (hash % 3 == 0)
        return false;
    text_add(out, "https://");
    email_domain(h, r, out);
    return true;
}

static bool contact_value(const struct hubspot *h, const struct record *r, unsigned field,
                          struct text *out)
{
    static const char *const salutations[] = {"Ms.", "Mr.", "Dr.", "Prof."};
    uint64_t hash = value_hash(r, field);
    const struct place *place = place_of(r->hash >> 10);
    switch (field) {
    case CONTACT_ADDRESS:
        return street(out, hash);
    case CONTACT_COMPANY_ID:
    case CONTACT_COMPANY:
        return contact_company_value(h, r, field, out);
    case CONTACT_CITY:
        return add(out, (r->salt ? place_of(hash) : place)->city);
    case CONTACT_COUNTRY:
        return add(out, place->country);
    case CONTACT_EMAIL:
        return contact_email(h, r, out);
    case CONTACT_FIRSTNAME:
        return add(out, first_name(r->salt ? hash : r->hash)->shown);
    case CONTACT_OPTOUT:
        return hash % 4 == 0 && add(out, hash >> 8 & 7 ? "false" : "true");
    case CONTACT_LANGUAGE:
    case CONTACT_LIFECYCLE:
    case CONTACT_OBJECT_SOURCE:
        return pick_option(out, hubspot_models[CONTACTS].fields[field].options, hash);
    case CONTACT_LEAD_STATUS:
        return hash % 2 == 0 && pick_option(out, hubspot_lead_statuses, hash >> 8);
    case CONTACT_TIMEZONE:
        return add(out, place->timezone);
    case CONTACT_OWNER:
        return hash % 5 != 0 && pick_option(out, hubspot_owner_ids, hash >> 8);
    case CONTACT_JOBTITLE:
        return hash % 12 != 0 && pick(out, titles, COUNT(titles), hash >> 8);
    case CONTACT_LASTNAME:
        return add(out, last_name(r->salt ? hash : r->hash)->shown);
    case CONTACT_MOBILEPHONE:
        return hash % 2 == 0 && phone(out, place, hash >> 3);
    case CONTACT_PHONE:
        return phone(out, place, hash);
    case CONTACT_SALUTATION:
        return hash % 2 == 0 && pick(out, salutations, COUNT(salutations), hash >> 8);
    case CONTACT_STATE:
        return add(out, place->state);
    case CONTACT_WEBSITE:
        return contact_site(h, r, hash, out);
    case CONTACT_ZIP:
        return zip(out, hash);
    default:
        return false;
    }
}

bool seed_value(const struct hubspot *h, const struct record *r, unsigned field, struct text *out)
{
    switch (r->type) {
    case COMPANIES:
        return company_value(h, r, field, out);
    case CONTACTS:
        return contact_value(h, r, field, out);
    case SUBSCRIPTIONS:
        return subscription_value(r, field, out);
    default:
        return activity_value(h, r, field, out);
    }
}
