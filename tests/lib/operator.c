/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/operator.h"

#include "tests/lib/rig.h"
#include "tests/lib/talk.h"

#include <criterion/criterion.h>
#include <string.h>

static json_t *answer;

int operator_call(const char *module, const char *command, const char *json)
{
    struct talk *t = talk_open_unix(rig_path("admin.sock"));
    talk_send(t,
              "POST /v1/modules/%s/%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
              "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
              module, command, strlen(json), json);
    const struct response *r = talk_response(t);
    const int status = r->status;
    cr_assert(r->whole, "%s", r->fault);
    json_decref(answer);
    answer = json_loads(r->body.p, 0, NULL);
    cr_assert(json_is_object(answer), "%s", r->body.p);
    talk_close(t);
    return status;
}

json_t *operator_answer(void)
{
    return answer;
}
