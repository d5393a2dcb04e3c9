/* SPDX-License-Identifier: Apache-2.0 */
/* Records of cells: from what stands in Redis, which anybody may have written. */
#include "fleet/fleet_record.h"

#include "core/module/module_slice.h"
#include "fleet/fleet.h"

enum {
    HAS_FORMAT = 1,
    HAS_VERSION = 2,
    HAS_LINEAGE = 4,
    HAS_BY = 8,
    HAS_AT = 16,
    HAS_RUN = 32,
    HAS_ALL = 63
};

void fleet_record_begin(struct fleet_record *rec)
{
    rec->version = rec->lineage = rec->at_ms = 0;
    rec->by = rec->run = SLICE("");
    rec->fields_n = rec->members_n = 0;
    rec->has = 0;
    rec->why = NULL;
}

static void wrong(struct fleet_record *rec, bool is_wrong, const char *why)
{
    if (is_wrong && !rec->why)
        rec->why = why;
}

static void add_field(struct fleet_record *rec, struct slice name, struct slice value)
{
    if (rec->fields_n == FLEET_RECORD_FIELDS) {
        wrong(rec, true, "it has too many fields");
        return;
    }
    wrong(rec, name.n > FLEET_RECORD_TEXT_MAX || value.n > FLEET_RECORD_TEXT_MAX,
          "a field is too long");
    rec->fields[rec->fields_n++] = (struct weir_claim){slice_out(name), slice_out(value)};
}

/* From 1 on. */
static bool is_version(struct slice value, uint64_t *out)
{
    return slice_to_u64(value, out) && *out > 0 && *out <= FLEET_RECORD_VERSION_MAX;
}

static void add_text(struct fleet_record *rec, struct slice name, struct slice value)
{
    if (slice_eq(name, SLICE("f"))) {
        rec->has |= HAS_FORMAT;
        wrong(rec, !slice_eq(value, SLICE("1")), "its format is of another version of Weir");
    } else if (slice_eq(name, SLICE("by"))) {
        rec->has |= HAS_BY;
        rec->by = value;
        wrong(rec, value.n > FLEET_NAME_MAX, "its maker (by) has too long a name");
    } else if (slice_eq(name, SLICE("run"))) {
        rec->has |= HAS_RUN;
        rec->run = value;
        wrong(rec, value.n > FLEET_RUN_MAX, "its server (run) has too long a name");
    }
}

static void add_number(struct fleet_record *rec, struct slice name, struct slice value)
{
    if (slice_eq(name, SLICE("n"))) {
        rec->has |= HAS_VERSION;
        wrong(rec, !is_version(value, &rec->version), "its version (n) is no number");
    } else if (slice_eq(name, SLICE("since"))) {
        rec->has |= HAS_LINEAGE;
        wrong(rec, !is_version(value, &rec->lineage), "its lineage (since) is no number");
    } else if (slice_eq(name, SLICE("at"))) {
        rec->has |= HAS_AT;
        wrong(rec, !slice_to_u64(value, &rec->at_ms), "its time (at) is no number");
    }
}

void fleet_record_add(struct fleet_record *rec, struct slice name, struct slice value)
{
    rec->members_n++;
    if (slice_starts(name, SLICE("."))) {
        add_field(rec, slice_from(name, 1), value);
    } else {
        add_text(rec, name, value);
        add_number(rec, name, value);
    }
}

const char *fleet_record_end(struct fleet_record *rec)
{
    wrong(rec, rec->members_n && rec->has != HAS_ALL, "f, n, since, by, at or run is missing");
    wrong(rec, rec->lineage > rec->version, "its lineage (since) begins after its version (n)");
    return rec->why;
}

const char *fleet_record_of_list(struct fleet_record *rec, const struct redis_reply *list)
{
    fleet_record_begin(rec);
    for (size_t i = 0; i + 1 < list->n; i += 2)
        fleet_record_add(rec, redis_item(list, i).text, redis_item(list, i + 1).text);
    return fleet_record_end(rec);
}

const char *fleet_record_of_json(struct fleet_record *rec, const json_t *object)
{
    const char *name;
    json_t *value;
    fleet_record_begin(rec);
    json_object_foreach((json_t *)object, name, value)
    {
        wrong(rec, !json_is_string(value), "a member is no text");
        if (json_is_string(value))
            fleet_record_add(rec, slice_str(name),
                             slice_of(json_string_value(value), json_string_length(value)));
    }
    wrong(rec, rec->members_n == 0, "it is empty");
    return fleet_record_end(rec);
}

/* -- fields that are kept ---------------------------------------------------------------------- */

void fleet_fields_set(struct fleet_fields *f, const struct weir_claim *fields, size_t n)
{
    size_t at = 0;
    f->text.n = 0;
    for (size_t i = 0; i < n; i++) {
        text_char(&f->text, '.');
        text_add(&f->text, slice_in(fields[i].name));
        text_add(&f->text, slice_in(fields[i].value));
    }
    for (f->n = 0; f->n < n; f->n++) {
        const size_t name_n = fields[f->n].name.n, value_n = fields[f->n].value.n;
        f->at[f->n] = (struct weir_claim){
            .name = {f->text.p + at + 1, name_n},
            .value = {f->text.p + at + 1 + name_n, value_n},
        };
        at += 1 + name_n + value_n;
    }
}
