/* SPDX-License-Identifier: Apache-2.0 */
/* What a route asks for, against what a request has. */
#include "auth/decide.h"
#include "auth/jwt.h"
#include "auth/reasons.h"
#include "tests/unit/auth_case.h"

enum { JWT = 1 << AUTH_JWT, BASIC = 1 << AUTH_BASIC };

static void expect(struct decide_case c, enum decision want, const char *word)
{
    const char *detail;
    cr_assert_eq(decide(&c, &detail), want);
    if (word)
        cr_assert_str_eq(detail, word);
    else
        cr_assert_null(detail);
}

static struct decide_case nobody(enum auth_mode mode)
{
    return (struct decide_case){.mode = mode, .allowed = JWT, .fulfilled = true};
}

static struct decide_case somebody(enum auth_mode mode, unsigned method)
{
    struct decide_case c = nobody(mode);
    c.identified = true;
    c.method = method;
    return c;
}

static struct decide_case wrong(enum auth_mode mode, const char *fault)
{
    struct decide_case c = nobody(mode);
    c.fault = fault;
    return c;
}

Test(auth_decide, lets_everybody_through_when_it_is_off)
{
    struct decide_case c = wrong(AUTH_OFF, AUTH_REASON_BUSY);
    c.fulfilled = false;
    expect(c, DECIDE_PASS, NULL);
    expect(somebody(AUTH_OFF, BASIC), DECIDE_PASS, NULL);
}

Test(auth_decide, asks_nobody_for_credentials_only_when_they_are_required)
{
    expect(nobody(AUTH_REQUIRED), DECIDE_CHALLENGE, "credentials_missing");
    expect(nobody(AUTH_OPTIONAL), DECIDE_PASS, NULL);
}

Test(auth_decide, lets_in_who_is_known_by_a_method_of_the_route)
{
    expect(somebody(AUTH_REQUIRED, JWT), DECIDE_PASS, NULL);
    expect(somebody(AUTH_OPTIONAL, JWT), DECIDE_PASS, NULL);
    expect(somebody(AUTH_REQUIRED, BASIC), DECIDE_CHALLENGE, "method_excluded");
    expect(somebody(AUTH_OPTIONAL, BASIC), DECIDE_CHALLENGE, "method_excluded");
    expect(somebody(AUTH_REQUIRED, 0), DECIDE_CHALLENGE, "method_excluded");
}

Test(auth_decide, forbids_who_lacks_a_claim)
{
    struct decide_case c = somebody(AUTH_REQUIRED, JWT);
    c.fulfilled = false;
    expect(c, DECIDE_FORBID, "claim_missing");
}

Test(auth_decide, refuses_wrong_credentials_unless_they_are_as_good_as_none)
{
    const char *expired = jwt_fault_word(JWT_EXPIRED);
    expect(wrong(AUTH_REQUIRED, expired), DECIDE_CHALLENGE, expired);
    struct decide_case c = wrong(AUTH_OPTIONAL, expired);
    expect(c, DECIDE_CHALLENGE, expired);
    c.wrong_is_anonymous = true;
    expect(c, DECIDE_PASS, NULL);
    c.mode = AUTH_REQUIRED;
    expect(c, DECIDE_CHALLENGE, expired);
}

Test(auth_decide, takes_nobody_for_anonymous_whom_it_could_not_check)
{
    struct decide_case c = wrong(AUTH_OPTIONAL, AUTH_REASON_NO_KEYS);
    c.wrong_is_anonymous = true;
    expect(c, DECIDE_UNAVAILABLE, AUTH_REASON_NO_KEYS);
    expect(wrong(AUTH_REQUIRED, AUTH_REASON_BUSY), DECIDE_UNAVAILABLE, AUTH_REASON_BUSY);
}

Test(auth_decide, knows_its_methods_by_name)
{
    cr_assert_eq(auth_method_bit(text("jwt")), JWT);
    cr_assert_eq(auth_method_bit(text("basic")), BASIC);
    cr_assert_eq(auth_method_bit(text("JWT")), 0);
    cr_assert_eq(auth_method_bit(text("")), 0);
}
