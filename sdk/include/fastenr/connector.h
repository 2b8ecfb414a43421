/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fastenr connector SDK, ABI 0.4 (draft).
 *
 * A connector is a shared object that exports one function:
 *
 *     const struct fastenr_connector *fastenr_connector(void);
 *
 * It returns a constant descriptor and does no work. The connector links to no
 * host symbol: everything it may ask for comes in the table of host services
 * that `create` receives.
 *
 * The host runs a connector in a jailed process of its own. There is no file,
 * no socket, no thread and no credential in that process: the connector says
 * which request to send, and which response holds the records. Calls on one
 * instance never overlap and all come on one thread.
 *
 * Conventions
 *   - Strings are UTF-8, pointer and length, not terminated.
 *   - Times are int64 microseconds since 1970-01-01T00:00:00Z. The locale is C.
 *   - What goes in is borrowed until the call returns. What comes out says how
 *     long it is valid. Nothing crosses to be freed by the other side.
 *   - Structs that may grow begin with their size; tables carry their row stride.
 *   - Each service says: State (when it is legal), Owns (who owns what, until
 *     when), Blocks, Fails (what it can return beside FASTENR_OK).
 *   - Once a run is cancelled, every service that can fail returns
 *     FASTENR_CANCELLED; return that from the operation.
 *
 * The promise: see docs/abi.md. 0.x may still break between minor versions.
 */
#ifndef FASTENR_CONNECTOR_H
#define FASTENR_CONNECTOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FASTENR_MAGIC     0x52545346u /* "FSTR", little-endian */
#define FASTENR_ABI_MAJOR 0u
#define FASTENR_ABI_MINOR 4u

#define FASTENR_ENTRY "fastenr_connector"

/* The one symbol to export; build connectors with -fvisibility=hidden. */
#define FASTENR_EXPORT __attribute__((visibility("default")))

/* ---- strings and tables ------------------------------------------------ */

/* Never grows: it is passed by value and is a row of tables. */
struct fastenr_str {
    const char *ptr; /* may be NULL when len is 0 */
    uint64_t len;    /* bytes */
};

/* A string literal as a constant initialiser. */
#define FASTENR_STR(literal)                                                                       \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

/* Never grows. Rows of one struct type. The stride lets a later host read rows of an older, shorter
 * struct. */
struct fastenr_table {
    const void *rows;
    uint32_t count;
    uint32_t stride; /* bytes from one row to the next */
};

#define FASTENR_TABLE(array)                                                                       \
    {                                                                                              \
        (array), (uint32_t)(sizeof(array) / sizeof((array)[0])), (uint32_t)sizeof((array)[0])      \
    }

/* ---- outcomes ---------------------------------------------------------- */

/* What an operation or a service came to. The connector classifies; the host retries, backs off
 * and breaks circuits. */
typedef int32_t fastenr_outcome;
enum {
    FASTENR_OK = 0,
    FASTENR_RETRY_AFTER = 1,  /* passing fault of the vendor: later */
    FASTENR_RATE_LIMITED = 2, /* a rate limit or quota is used up */
    FASTENR_AUTH_FAILED = 3,  /* credential refused, or a scope is missing */
    FASTENR_BAD_CONFIG = 4,   /* an option or a mapping cannot work: a person must change it */
    FASTENR_BAD_RECORD = 5,   /* this record cannot be used; the others can */
    FASTENR_GONE = 6,         /* the thing asked for is not there (any more) */
    FASTENR_CANCELLED = 7,    /* the host wants the operation to end */
    FASTENR_FAILED = 8        /* anything else; retrying will not help */
};

/* ---- the descriptor ---------------------------------------------------- */

enum {
    FASTENR_CRM = 1,
    FASTENR_COMMUNICATION = 2,
    FASTENR_ANALYTICS = 3,
    FASTENR_SUPPORT = 4,
    FASTENR_PLATFORM = 5
};

/* Types of options. The host checks a value before create; the connector reads it as text. */
enum {
    FASTENR_OPTION_STRING = 1,
    FASTENR_OPTION_INT = 2,  /* decimal; `min`..`max` */
    FASTENR_OPTION_BOOL = 3, /* "true" or "false" */
    FASTENR_OPTION_DURATION =
        4,                  /* written 90s, 5m, 1h; read as decimal milliseconds; `min`..`max` */
    FASTENR_OPTION_ENUM = 5 /* one of `choices` */
};
enum { FASTENR_OPTION_REQUIRED = 1u };

struct fastenr_option {
    struct fastenr_str name; /* snake_case */
    uint32_t type;
    uint32_t flags;
    struct fastenr_str default_value; /* empty: none */
    int64_t min, max;                 /* INT and DURATION; both 0: no limit */
    struct fastenr_table choices;     /* ENUM: struct fastenr_str rows */
    struct fastenr_str help;          /* one sentence, required */
};

/* A credential that the operator gives and only the host ever sees. */
struct fastenr_secret {
    struct fastenr_str name;
    struct fastenr_str help; /* where a person finds it */
};

/* A header that the host adds to each request: `{{secret:NAME}}` stands for the credential,
 * `{{token:access_token}}` for the current access token of OAuth. */
struct fastenr_auth_header {
    struct fastenr_str name;
    struct fastenr_str value;
};

/* CODE: a person allows it in a browser (RFC 6749 section 4.1). REFRESH: the answer brings a
 * refresh token. */
enum { FASTENR_GRANT_CODE = 1u, FASTENR_GRANT_REFRESH = 2u };
/* PKCE: the vendor takes a code challenge, S256 (RFC 7636). */
enum { FASTENR_OAUTH_PKCE = 1u };

/* An answer of the token endpoint which says that the refresh token will never work again. RFC
 * 6749's own word for it, "error":"invalid_grant", needs no row. */
struct fastenr_oauth_dead {
    int32_t status;
    uint32_t reserved;
    struct fastenr_str path, equals; /* a value of its JSON body, and what it is then */
};

/* OAuth 2. The host does all of it: it asks for consent, keeps the tokens, refreshes them. The
 * credentials of its auth row are client_id and client_secret, which the host sends in the form of
 * a token request, and to the token URL's host alone. */
struct fastenr_oauth {
    uint32_t size;   /* sizeof(struct fastenr_oauth) */
    uint32_t flags;  /* FASTENR_OAUTH_... */
    uint32_t grants; /* FASTENR_GRANT_... */
    uint32_t reserved;
    struct fastenr_str authorize_url;     /* https; opened by a person, never by the host */
    struct fastenr_str token_url;         /* https; a connection may give it another path */
    struct fastenr_table scopes;          /* struct fastenr_str; beside those of the objects */
    struct fastenr_table optional_scopes; /* struct fastenr_str */
    struct fastenr_str scope_separator;   /* empty: a space */
    struct fastenr_table dead;            /* struct fastenr_oauth_dead */
};

/* One way to authenticate; a connection chooses one by name. */
struct fastenr_auth {
    struct fastenr_str name;
    struct fastenr_str help;
    struct fastenr_table secrets;      /* struct fastenr_secret */
    struct fastenr_table headers;      /* struct fastenr_auth_header */
    const struct fastenr_oauth *oauth; /* NULL: its credentials are all there is to it */
};

/* A host that requests may go to, over https, port 443. Credentials are sent to no other. */
struct fastenr_host_pattern {
    struct fastenr_str name; /* exact name, lower case */
};

/* WINDOW: at most `requests` in any `per_ms`; the host paces itself and reads the headers.
 * QUOTA: the vendor counts over a long period; the host stops when the header says that it is used
 * up. */
enum { FASTENR_LIMIT_WINDOW = 1, FASTENR_LIMIT_QUOTA = 2 };
/* ALWAYS: every request of this connector counts, whatever bucket it names. */
enum { FASTENR_LIMIT_ALWAYS = 1u };

/* A rate limit of the vendor: a bucket that requests name. Kept per vendor account (see check). */
struct fastenr_limit {
    struct fastenr_str name;
    uint32_t kind;
    uint32_t flags;
    uint64_t requests; /* default rate, until a header says otherwise */
    uint64_t per_ms;
    struct fastenr_str header_limit;     /* header with the number allowed; empty: none */
    struct fastenr_str header_remaining; /* header with the number left; empty: none */
    struct fastenr_str header_per_ms;    /* header with the period in ms; empty: none */
};

/* How to read an answer: the first row that matches says the outcome. An answer that no row
 * matches is FASTENR_OK for 2xx, FASTENR_RETRY_AFTER for 5xx and FASTENR_FAILED for the rest. */
struct fastenr_response_rule {
    int32_t status_min, status_max;
    struct fastenr_str path;   /* a value in a JSON body ("policyName"); empty: any body */
    struct fastenr_str equals; /* what it must be */
    fastenr_outcome outcome;
    uint32_t flags;
    int64_t retry_after_ms;     /* where the answer has no Retry-After; 0: the host backs off */
    struct fastenr_str message; /* JSON path of the vendor's own words; empty: none */
};
/* NOT_DONE: such an answer proves that the request had no effect, so an unsafe one may be repeated.
 */
enum { FASTENR_RESPONSE_NOT_DONE = 1u };

/* How a canonical field is made of a vendor field when the connection does not say otherwise. */
struct fastenr_mapping {
    struct fastenr_str to;   /* canonical field, or "custom_fields.NAME" */
    struct fastenr_str from; /* vendor field */
    struct fastenr_str
        transform;             /* steps as in the connection file, comma-separated: "trim,lower" */
    struct fastenr_str lookup; /* the value is the id of a record of this vendor object */

    /* Since 0.2, with the words of the connection file. */
    struct fastenr_str value;         /* always this; `from` is empty then */
    struct fastenr_str default_value; /* where the vendor has none */
    struct fastenr_str join;  /* between the values of several fields: `from` is "a,b" then */
    struct fastenr_str map;   /* "from=to,from=to,*=other"; an empty `to` is no value */
    struct fastenr_str scale; /* a decimal factor: "100" */
    struct fastenr_str take;  /* with `lookup`: a field of the record that is found, not its key. Of
                               * owners and pipelines. The row is as if it were not there where that
                               * object is not synced: a row before it, for the same field, counts */
};

/* DELETED, IDS: read understands that mode for the object. DELETED_ALL: its READ_DELETED gives
 * every record that is deleted now, whatever `since_us` says; so what it leaves out is not deleted
 * (any more). CUSTOM: the row stands for every object that the table does not name, as accounts of
 * the vendor have their own; its name is "*". Read and discover get the name as the connection file
 * has it. In a `value` of its mapping, "{object}" is that name. */
enum {
    FASTENR_OBJECT_DELETED = 1u,
    FASTENR_OBJECT_IDS = 2u,
    FASTENR_OBJECT_DELETED_ALL = 4u,
    FASTENR_OBJECT_CUSTOM = 8u,

    /* Since 0.3: what write does with records of the object. */
    FASTENR_OBJECT_CREATE = 16u,
    FASTENR_OBJECT_UPDATE = 32u,
    FASTENR_OBJECT_UPSERT = 64u,
    FASTENR_OBJECT_ARCHIVE = 128u,
    FASTENR_OBJECT_RESTORE = 256u,

    /* Since 0.4, with IDS: read tells of the fields in `timed` when each got its value. */
    FASTENR_OBJECT_TIMED = 512u
};

struct fastenr_object {
    struct fastenr_str name;      /* the vendor's word: "companies" */
    struct fastenr_str label;     /* for people */
    struct fastenr_str canonical; /* "account", "contact" */
    struct fastenr_str key;       /* vendor field that holds the id */
    struct fastenr_str modified;  /* vendor field that says when a record last changed */
    struct fastenr_str scope;     /* the vendor's permission for reading it; empty: none */
    int64_t lookback_ms;          /* how far behind the vendor's index may be */
    struct fastenr_table mapping; /* struct fastenr_mapping */

    /* Since 0.2. */
    uint32_t flags; /* FASTENR_OBJECT_... */

    /* Since 0.3; before, the first one was reserved and zero. */
    uint32_t write_rows; /* the most that one write takes: 1 to 1,000; 0: never written */
    struct fastenr_str write_scope;    /* the vendor's permission for writing it; empty: none */
    struct fastenr_table associations; /* struct fastenr_str: fields made by attach that are written
                                        * by ASSOCIATE and DISSOCIATE, not as values */
    struct fastenr_table read_only;    /* struct fastenr_str: vendor fields that cannot be written,
                                        * whatever discover says; a '*' at the end of a name stands
                                        * for all that begin so */
};

struct fastenr_ops;

struct fastenr_connector {
    uint32_t magic;     /* FASTENR_MAGIC. These first 16 bytes are frozen. */
    uint32_t abi_major; /* FASTENR_ABI_MAJOR of the header it was built with */
    uint32_t abi_minor; /* FASTENR_ABI_MINOR */
    uint32_t size;      /* sizeof(struct fastenr_connector) */

    struct fastenr_str id;      /* reverse domain, for ever: "com.fastenr.hubspot" */
    struct fastenr_str name;    /* for people: "HubSpot" */
    struct fastenr_str version; /* of the connector: "0.1.0" */
    uint32_t category;
    uint32_t reserved;                        /* 0 */
    struct fastenr_table options;             /* struct fastenr_option */
    struct fastenr_table auth;                /* struct fastenr_auth */
    struct fastenr_table hosts;               /* struct fastenr_host_pattern */
    struct fastenr_table limits;              /* struct fastenr_limit */
    struct fastenr_table responses;           /* struct fastenr_response_rule */
    struct fastenr_table objects;             /* struct fastenr_object */
    struct fastenr_table required_extensions; /* struct fastenr_str: "fastenr.notify/0" */
    const struct fastenr_ops *ops;
};

/* ---- host services ----------------------------------------------------- */

struct fastenr_host; /* the host's side of one instance: passed back to every service */

enum { FASTENR_LOG_DEBUG = 1, FASTENR_LOG_INFO = 2, FASTENR_LOG_WARN = 3, FASTENR_LOG_ERROR = 4 };

struct fastenr_header {
    struct fastenr_str name, value;
};

/* SAFE: repeating it does no harm (a read). The host retries a safe request on any passing fault,
 * an unsafe one only on an answer that proves that nothing was done. */
enum { FASTENR_REQUEST_SAFE = 1u };

struct fastenr_request {
    uint32_t size; /* sizeof(struct fastenr_request) */
    uint32_t flags;
    struct fastenr_str method; /* "GET" */
    struct fastenr_str url;    /* absolute, https, one of the descriptor's hosts; at most 16 KiB */
    struct fastenr_table headers; /* struct fastenr_header; at most 32 */
    struct fastenr_str body;      /* at most 8 MiB */
    struct fastenr_str bucket;    /* a row of the limits table */
};

/* Never grows: it has no size that a host could go by. What else there is to know of an answer
 * comes from services that take the handle. */
struct fastenr_response {
    uint64_t handle; /* 0: there was no answer */
    int32_t status;  /* HTTP status, 0 without an answer */
    uint32_t reserved;
    uint64_t body_len; /* bytes, decoded */
};

/* Where the records of a JSON body are. Paths: members joined by dots, [N] for an element; the
 * empty path is the value itself. Paths of a record are relative to it. */
struct fastenr_page {
    uint32_t size; /* sizeof(struct fastenr_page) */
    uint32_t reserved;
    struct fastenr_str records;  /* an array */
    struct fastenr_str id;       /* string or integer */
    struct fastenr_str modified; /* RFC 3339 text, or epoch milliseconds; empty: not known */
    struct fastenr_str fields;   /* an object: its members are the vendor's fields */
    struct fastenr_str next;     /* a string or integer, where there is a next page */

    /* Since 0.2: the ids of the records that were merged into this one: an array of strings or
     * integers, or a text with ';' between them. At most 1,000; the record's own id among them is
     * ignored. Empty: none. */
    struct fastenr_str merged;
    /* Since 0.2: of a record, what names it for people, where only its type says which field that
     * is. It becomes the vendor field "{title}". Empty: none. */
    struct fastenr_str title;
    /* Since 0.4: of a record, an object whose members are called like fields; and, of such a
     * member, the time at which that field got the value that it has: RFC 3339 text, or epoch
     * milliseconds. Of a field that has no such member, or no time there, it is not known. Empty:
     * of none. */
    struct fastenr_str times, time;
};

/* A second answer that says more of the records of a page: rows of another table, associations.
 * Paths as in struct fastenr_page; those of a row are relative to it. */
struct fastenr_attach {
    uint32_t size; /* sizeof(struct fastenr_attach) */
    uint32_t reserved;
    struct fastenr_str rows;   /* an array */
    struct fastenr_str key;    /* of a row: the id of the record that it is about */
    struct fastenr_str values; /* of a row: strings or integers, "to[*].id" */
    struct fastenr_str field;  /* the vendor field of the record that they become: a JSON array */
};

/* Since 0.3. Where an answer tells what became of the rows of a write. Paths as in struct
 * fastenr_page; but for `rows` they are relative to a row. */
struct fastenr_written {
    uint32_t size;               /* sizeof(struct fastenr_written) */
    fastenr_outcome outcome;     /* what these rows came to: see `write` */
    struct fastenr_str rows;     /* an array */
    struct fastenr_str write_id; /* of the row that it is about, or a list of several; empty: by
                                  * position, in the order of the write's rows, and of all */
    struct fastenr_str id;       /* string or integer; empty: not told */
    struct fastenr_str created;  /* true: the record is new; empty: not told */
    struct fastenr_str modified; /* as in struct fastenr_page; empty: not told */
    struct fastenr_str fields; /* an object: the vendor's fields as they are now; empty: not told */
    struct fastenr_str message; /* the vendor's words, for people; empty: none */
};

struct fastenr_page_result {
    uint32_t size;     /* set by the caller: sizeof(struct fastenr_page_result) */
    uint32_t count;    /* records found */
    uint32_t rejected; /* of these without an id or with a broken time: quarantined */
    uint32_t reserved;
    int64_t max_modified_us;    /* greatest modified time, 0 when none */
    struct fastenr_str next;    /* empty: no next page */
    struct fastenr_str last_id; /* id of the last record, empty when none */
};

struct fastenr_record {
    uint32_t size; /* sizeof(struct fastenr_record) */
    uint32_t reserved;
    struct fastenr_str id;
    int64_t modified_us;       /* 0: not known */
    struct fastenr_str fields; /* a JSON object: its members are the vendor's fields */
};

enum {
    FASTENR_FIELD_STRING = 1,
    FASTENR_FIELD_NUMBER = 2,
    FASTENR_FIELD_BOOL = 3,
    FASTENR_FIELD_DATE = 4,
    FASTENR_FIELD_DATETIME = 5,
    FASTENR_FIELD_ENUM = 6
};
enum { FASTENR_FIELD_READ_ONLY = 1u, FASTENR_FIELD_REQUIRED = 2u, FASTENR_FIELD_UNIQUE = 4u };

struct fastenr_field {
    uint32_t size; /* sizeof(struct fastenr_field) */
    uint32_t type;
    uint32_t flags;
    uint32_t reserved;
    struct fastenr_str name;
    struct fastenr_str label;
    struct fastenr_str values; /* ENUM: a JSON array of strings; else empty */
};

/* Append-only. A member past `size` is not there in this host: FASTENR_HAS tells. */
struct fastenr_services {
    uint32_t size;
    uint32_t abi_minor; /* of the host */

    /* One line in the host's log, under the connection's name.
     * State: any operation. Owns: text is borrowed. Blocks: no.
     * Fails: never; a line is cut at 4 KiB. */
    void (*log)(struct fastenr_host *host, int32_t level, struct fastenr_str text);

    /* Sets the words that go with an outcome and returns that outcome, so that an operation can end
     * with `return svc->fail(host, FASTENR_BAD_CONFIG, text)`. Without it the host uses the words
     * of the last request that failed. State: any operation. Owns: text is borrowed. Blocks: no.
     * Fails: never. */
    fastenr_outcome (*fail)(struct fastenr_host *host, fastenr_outcome outcome,
                            struct fastenr_str text);

    /* The value of an option, checked, or its default.
     * State: create and later. Owns: the host, until destroy returns. Blocks: no.
     * Fails: GONE (not set and no default, or no such option). */
    fastenr_outcome (*option)(struct fastenr_host *host, struct fastenr_str name,
                              struct fastenr_str *ret_value);

    /* Begins a request. The host adds the credential, keeps the vendor's rate limits and retries.
     * State: check, discover, read, write. Owns: the request is borrowed. Blocks: no.
     * Fails: FAILED (over a limit of struct fastenr_request, or 32 handles are open), CANCELLED. */
    fastenr_outcome (*http_start)(struct fastenr_host *host, const struct fastenr_request *request,
                                  uint64_t *ret_ticket);

    /* Waits for the answer. The outcome is what the descriptor's responses table makes of it; a
     * refused answer has a handle too, to look at. Answers may be waited for in any order.
     * State: check, discover, read, write. Owns: the handle is the connector's until emit_page,
     * release or the end of the operation. Blocks: yes, as long as retries take.
     * Fails: every outcome but BAD_RECORD. */
    fastenr_outcome (*http_wait)(struct fastenr_host *host, uint64_t ticket,
                                 struct fastenr_response *ret_response);

    /* http_start and http_wait in one.
     * State: check, discover, read, write. Owns: as both. Blocks: as http_wait. Fails: as both. */
    fastenr_outcome (*http)(struct fastenr_host *host, const struct fastenr_request *request,
                            struct fastenr_response *ret_response);

    /* A value of a JSON answer. A string comes without its quotes, anything else as JSON text.
     * `[*]` in the path collects that value of each element into a JSON array.
     * State: check, discover, read, write. Owns: the host, until the handle is consumed. Blocks:
     * shortly. Fails: GONE (no such value, or null), FAILED (not JSON, or no such handle),
     * CANCELLED. */
    fastenr_outcome (*json_get)(struct fastenr_host *host, uint64_t handle, struct fastenr_str path,
                                struct fastenr_str *ret_value);

    /* Hands the records of an answer to the sync, and consumes the handle. They are committed in
     * the order of emit calls. A body that is not the JSON that the page says is fetched again by
     * the host, then fails the operation; it is never half used. State: read. Owns: the host owns
     * the result's strings until the next emit_page. Blocks: while 8 pages or 16 MiB wait to be
     * committed. Fails: FAILED, CANCELLED. */
    fastenr_outcome (*emit_page)(struct fastenr_host *host, uint64_t handle,
                                 const struct fastenr_page *page,
                                 struct fastenr_page_result *ret_result);

    /* Hands over one record; for sources whose answers are not JSON pages. A record that is no JSON
     * object is quarantined.
     * State: read. Owns: the record is borrowed; at most 16 MiB. Blocks: as emit_page.
     * Fails: FAILED, CANCELLED. */
    fastenr_outcome (*emit_record)(struct fastenr_host *host, const struct fastenr_record *record);

    /* Tells of one field of the object being discovered.
     * State: discover. Owns: the field is borrowed. Blocks: no. Fails: FAILED, CANCELLED. */
    fastenr_outcome (*emit_field)(struct fastenr_host *host, const struct fastenr_field *field);

    /* Says where to go on if the read is interrupted: the next read of this stream gets the
     * position back. It is committed together with the last record emitted before it. State: read.
     * Owns: the position is borrowed; at most 4 KiB. Blocks: no. Fails: FAILED, CANCELLED. */
    fastenr_outcome (*checkpoint)(struct fastenr_host *host, struct fastenr_str position);

    /* Frees an answer that is not needed any more. Handle 0 is ignored.
     * State: check, discover, read, write. Owns: ends the connector's. Blocks: no. Fails: never. */
    void (*release)(struct fastenr_host *host, uint64_t handle);

    /* How many records the read will bring in all, for people who watch; 0: not known.
     * State: read. Owns: nothing. Blocks: no. Fails: never. */
    void (*progress)(struct fastenr_host *host, uint64_t total);

    /* ---- since 0.2 ---- */

    /* Joins an answer to the page that is emitted next, and consumes the handle. Several may be
     * attached to one page, at most 256; they count in the 64 MiB of answers that a connector may
     * hold. Those for one field, as the pages of a long list, are put together. The values are
     * sorted, each once, so that their order at the vendor does not matter; a reference takes the
     * first. Rows about records that are not on the page are left out; those of one record may have
     * 16 MiB of values. A body that is not the JSON that the spec says is fetched again by the host
     * when the page is emitted, then fails the operation.
     * State: read. Owns: the spec is borrowed. Blocks: no. Fails: FAILED, CANCELLED. */
    fastenr_outcome (*attach)(struct fastenr_host *host, uint64_t handle,
                              const struct fastenr_attach *spec);

    /* ---- since 0.3 ---- */

    /* Says what became of rows of a write, from an answer; *ret_count: how many. It does not
     * consume the handle. A row of the answer without a write id is left out. A write id that is
     * none of this write's, or that was told of before, fails the write; what was said first
     * counts. It is taken also once the run is cancelled.
     * State: write. Owns: the spec is borrowed. Blocks: shortly.
     * Fails: GONE (the answer has no such array: nothing is said), FAILED (not JSON, more rows than
     * were asked for, an id that cannot be used), CANCELLED. */
    fastenr_outcome (*emit_written)(struct fastenr_host *host, uint64_t handle,
                                    const struct fastenr_written *spec, uint32_t *ret_count);

    /* The same of one row, where no table of the answer tells it. `id`: the vendor's, where it is
     * known; `text`: the vendor's words, for people.
     * State: write. Owns: texts are borrowed; `text` is cut at 4 KiB. Blocks: shortly.
     * Fails: FAILED, CANCELLED. */
    fastenr_outcome (*written)(struct fastenr_host *host, struct fastenr_str write_id,
                               fastenr_outcome outcome, struct fastenr_str id,
                               struct fastenr_str text);
};

/* Whether a size-led struct has a member: FASTENR_HAS(svc, progress). */
#define FASTENR_HAS(ptr, member)                                                                   \
    ((ptr)->size >= offsetof(__typeof__(*(ptr)), member) + sizeof((ptr)->member))

/* ---- operations of a connector ----------------------------------------- */

enum {
    FASTENR_READ_FULL = 1, /* every record */
    /* Records last modified in [since_us, until_us], both included. Those that were modified later
     * may come as well, and are best not left out where the vendor lets one ask for that: a record
     * that changes while it is read would be missed by each window that it changes in. */
    FASTENR_READ_WINDOW = 2,

    /* Since 0.2, for objects whose flags say so.
     * DELETED: every record that was deleted (archived) at since_us or later. The ids are enough,
     * and more than asked for is allowed. Records that were merged away are not among them.
     * IDS: the records with these ids, in any order; those that are not there are left out. */
    FASTENR_READ_DELETED = 3,
    FASTENR_READ_IDS = 4
};

struct fastenr_selector {
    uint32_t size;
    uint32_t mode;
    struct fastenr_str object;
    struct fastenr_table fields; /* struct fastenr_str: vendor fields that are wanted */
    int64_t since_us, until_us;  /* WINDOW; DELETED: since_us, 0 for all */
    struct fastenr_str position; /* of the last checkpoint of this same read, or empty */
    uint64_t limit;              /* enough records; 0: all */

    /* Since 0.2. */
    struct fastenr_table ids; /* IDS: struct fastenr_str; 1 to 1,000 */

    /* Since 0.4. */
    struct fastenr_table timed; /* IDS: struct fastenr_str; some of `fields`: when they got their
                                 * values is wanted, in `times` of the pages. None where the
                                 * object's flags lack TIMED */
};

/* Since 0.3. What write is asked to do: the same for all rows of one call. CREATE, UPSERT: `values`
 * are those of a new record, and UPSERT changes the record whose `key_field` is the row's `key`
 * where there is one. UPDATE: only the values that are named change. ARCHIVE, RESTORE: the record
 * ends, and comes back. ASSOCIATE, DISSOCIATE: the record is put into, or taken out of, `field`
 * with the record `other_id`; to do what is so already is no fault. */
enum {
    FASTENR_WRITE_CREATE = 1,
    FASTENR_WRITE_UPDATE = 2,
    FASTENR_WRITE_UPSERT = 3,
    FASTENR_WRITE_ARCHIVE = 4,
    FASTENR_WRITE_RESTORE = 5,
    FASTENR_WRITE_ASSOCIATE = 6,
    FASTENR_WRITE_DISSOCIATE = 7
};

/* CLEAR: the field is to have no value; `value` is empty. */
enum { FASTENR_VALUE_CLEAR = 1u };

/* Since 0.3; never grows. The value is a text as the vendor has it outside of JSON: a number in
 * decimal, true or false, a time as the mapping says; how the vendor wants it is the connector's
 * work. */
struct fastenr_value {
    struct fastenr_str name; /* vendor field */
    struct fastenr_str value;
    uint32_t type;  /* FASTENR_FIELD_... */
    uint32_t flags; /* FASTENR_VALUE_... */
};

struct fastenr_write_row {
    struct fastenr_str write_id; /* made by the host, for this change alone: 1 to 64 of a-z, 0-9 and
                                  * '-'. A write that is tried again has the same */
    struct fastenr_str id;       /* of the record; empty: CREATE, UPSERT */
    struct fastenr_str key;      /* UPSERT: the value of the write's key_field */
    struct fastenr_table values; /* struct fastenr_value: CREATE, UPDATE, UPSERT */
    struct fastenr_str field;    /* ASSOCIATE, DISSOCIATE: a row of the object's `associations` */
    struct fastenr_str other_id; /* and the id of the other record */
};

struct fastenr_write {
    uint32_t size;
    uint32_t op;                  /* FASTENR_WRITE_... */
    struct fastenr_str object;    /* as in struct fastenr_selector */
    struct fastenr_str key_field; /* UPSERT: a field that has no value twice */
    struct fastenr_table rows; /* struct fastenr_write_row; no more than the object's write_rows, no
                                * record twice */
};

struct fastenr_check {
    uint32_t size;
    uint32_t reserved;
    struct fastenr_str account_id; /* the vendor's id of the account: rate limits are kept by it */
    struct fastenr_str account_name; /* for people; may be empty */
};

struct fastenr_ops {
    uint32_t size; /* sizeof(struct fastenr_ops) */
    uint32_t reserved;

    /* Makes an instance for one connection. On anything but FASTENR_OK nothing else is called.
     * No request may be sent. Services and host are valid until destroy returns. */
    fastenr_outcome (*create)(const struct fastenr_services *services, struct fastenr_host *host,
                              void **ret_instance);

    /* Frees the instance. */
    void (*destroy)(void *instance);

    /* Proves that the credential works and says whose account it is. The host copies the strings
     * when the call returns. */
    fastenr_outcome (*check)(void *instance, struct fastenr_check *ret_check);

    /* Tells the fields of one object by emit_field. */
    fastenr_outcome (*discover)(void *instance, struct fastenr_str object);

    /* Reads records. The host moves the stream's watermark only when this returns FASTENR_OK. */
    fastenr_outcome (*read)(void *instance, const struct fastenr_selector *selector);

    /* ---- since 0.3 ---- */

    /* Writes records, and says of each row what became of it, by emit_written and written. NULL or
     * past `size`: the connector writes nothing.
     *   OK                         it is done
     *   BAD_RECORD                 refused: a person must look at it
     *   GONE                       the record is not there (any more)
     *   RETRY_AFTER, RATE_LIMITED  proven not done: it may be tried again
     * A request that writes is sent without FASTENR_REQUEST_SAFE. Of a row that nothing is said of
     * the host believes that it was not done only when no request went out that could have done it:
     * one that was answered by 2xx or 5xx, or not at all, could have. Then it looks the record up
     * before it tries again. What write returns is about the call: FASTENR_OK also where all rows
     * were refused. */
    fastenr_outcome (*write)(void *instance, const struct fastenr_write *write);
};

/* What a connector defines. Declared here so that one written in C++ gets C linkage. */
FASTENR_EXPORT const struct fastenr_connector *fastenr_connector(void);

#ifdef __cplusplus
}
#endif

#endif
