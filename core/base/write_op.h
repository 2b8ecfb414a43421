/* SPDX-License-Identifier: Apache-2.0 */
/* What a write does with a record of the vendor. The numbers are those of FASTENR_WRITE_* and of the
 * store. */
#ifndef BASE_WRITE_OP_H
#define BASE_WRITE_OP_H

enum write_op {
    WRITE_CREATE = 1,
    WRITE_UPDATE = 2,
    WRITE_UPSERT = 3,
    WRITE_ARCHIVE = 4,
    WRITE_RESTORE = 5,
    WRITE_ASSOCIATE = 6,
    WRITE_DISSOCIATE = 7
};

#endif
