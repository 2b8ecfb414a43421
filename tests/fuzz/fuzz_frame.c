/* SPDX-License-Identifier: Apache-2.0 */
/* Frames as a hostile worker may send them: each is a length of three bytes, then that many. Every
 * message that comes out whole must survive being cut and joined again. */
#include "fuzz.h"
#include "plugin/frame.h"

static void cut_and_join(const struct message *message)
{
    static char frame[FRAME_MAX];
    struct message again = MESSAGE_INIT;
    struct str payload = buf_view(&message->payload);
    size_t offset = 0;
    bool more = false;
    int got = 0;
    do {
        size_t len = frame_cut(message->kind, message->call, payload, &offset, frame);
        got = frame_join(&again, &more, (struct str){frame, len});
        FUZZ_EXPECT(got >= 0);
    } while (got == 0);
    FUZZ_EXPECT(offset == payload.len && str_eq(payload, buf_view(&again.payload)));
    FUZZ_EXPECT(again.kind == message->kind && again.call == message->call);
    buf_free(&again.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message message = MESSAGE_INIT;
    bool more = false;
    int got = 0;
    while (size >= 3 && got >= 0) {
        size_t len = data[0] | (size_t)data[1] << 8 | (size_t)data[2] << 16;
        data += 3;
        size -= 3;
        if (len > size)
            len = size;
        got = frame_join(&message, &more, (struct str){(const char *)data, len});
        if (got == 1)
            cut_and_join(&message);
        data += len;
        size -= len;
    }
    buf_free(&message.payload);
    return 0;
}
