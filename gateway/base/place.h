/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_BASE_PLACE_H
#define WEIR_BASE_PLACE_H

/* What the values of a configuration are made of, for those who only read them: places and lists,
 * without libconfig and the engine that fills them (config/option.h). Contexts that are built from files name the place in their errors, too. */

#include "base/slice.h"

/* Where something stands in the configuration. Every struct read as an element of a list or of a
 * group of named groups begins with a `struct place`, which the reader fills. */
struct place {
    const char *file; /* as it was opened, for messages */
    int line;
    size_t index;      /* position in its list or group, from 0 */
    struct slice name; /* the key in a group of named groups; in a list empty */
};

struct texts {
    struct slice *v;
    size_t n;
};

#endif
