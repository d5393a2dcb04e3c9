/* SPDX-License-Identifier: Apache-2.0 */
/* The master's sockets, with unix sockets in a folder of the test's. */
#include "process/sockets.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/sock.h"

static char folder[] = "/tmp/weir-sockets-XXXXXX";
static char path[64];

static struct config *conf(struct faults *faults)
{
    char text[512];
    snprintf(text, sizeof text,
             "listeners = ( { name = \"a\"; bind = \"unix:%s\"; } );\n"
             "routes = ( { match = { path_prefix = \"/\"; }; respond = { body = \"x\"; }; } );\n",
             path);
    faults_init(faults);
    struct config *c = config_parse(text, "test.conf", NULL, faults);
    cr_assert(c, "%s", faults->first ? faults->first->text : "");
    return c;
}

static void begin(void)
{
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
}

static void end(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(sockets, .init = begin, .fini = end);

/* A gateway that is started a second time by mistake must not take the first one's socket along
 * when it fails. */
Test(sockets, leaves_a_socket_alone_that_somebody_else_serves)
{
    struct faults faults;
    struct sockets s = {0};
    struct config *c = conf(&faults);
    const struct sock_listen_opts opts = {
        .backlog = 1, .unix_uid = (unsigned)-1, .unix_gid = (unsigned)-1};
    const int other = sock_listen(&c->listeners[0].bind, &opts);
    cr_assert_geq(other, 0);
    cr_assert(!sockets_prepare(&s, c, 1, &faults));
    sockets_abandon(&s);
    sockets_close(&s);
    cr_assert_eq(access(path, F_OK), 0, "the socket of another process was removed");
    close(other);
    config_free(c);
    faults_fini(&faults);
}

Test(sockets, removes_the_socket_that_it_has_made)
{
    struct faults faults;
    struct sockets s = {0};
    struct config *c = conf(&faults);
    cr_assert(sockets_prepare(&s, c, 2, &faults));
    cr_assert_eq(access(path, F_OK), 0);
    sockets_abandon(&s);
    cr_assert_neq(access(path, F_OK), 0);
    sockets_close(&s);
    config_free(c);
    faults_fini(&faults);
}

static struct config *conf_with_mode(const char *mode, struct faults *faults)
{
    char text[512];
    snprintf(text, sizeof text,
             "admin = { bind = \"unix:%s\"; unix_mode = \"%s\"; };\n"
             "listeners = ( { name = \"a\"; bind = \"127.0.0.1:0\"; } );\n"
             "routes = ( { match = { path_prefix = \"/\"; }; respond = { body = \"x\"; }; } );\n",
             path, mode);
    faults_init(faults);
    struct config *c = config_parse(text, "test.conf", NULL, faults);
    cr_assert(c, "%s", faults->first ? faults->first->text : "");
    return c;
}

static unsigned mode_of_path(void)
{
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    return st.st_mode & 0777;
}

Test(sockets, have_new_rights_once_their_configuration_is_in_force)
{
    struct faults faults, more;
    struct sockets s = {0};
    struct config *c = conf_with_mode("0600", &faults), *next = conf_with_mode("0640", &more);
    cr_assert(sockets_prepare(&s, c, 1, &faults));
    sockets_commit(&s);
    cr_assert_eq(mode_of_path(), 0600);
    cr_assert(sockets_prepare(&s, next, 1, &more));
    cr_assert_eq(mode_of_path(), 0600, "it may still be given up");
    sockets_abandon(&s);
    cr_assert_eq(mode_of_path(), 0600);
    cr_assert(sockets_prepare(&s, next, 1, &more));
    sockets_commit(&s);
    cr_assert_eq(mode_of_path(), 0640);
    sockets_close(&s);
    config_free(c);
    config_free(next);
    faults_fini(&faults);
    faults_fini(&more);
}

Test(sockets, of_operators_are_kept_by_the_control_process_as_far_as_they_are_its_own)
{
    struct faults faults;
    struct sockets s = {0};
    struct config *c = conf_with_mode("0600", &faults);
    cr_assert(sockets_prepare(&s, c, 1, &faults));
    sockets_commit(&s);
    sockets_keep_admin(&s, c);
    cr_assert_eq(sockets_group(&s, &c->admin.listeners[0]->bind)->n, 1);
    cr_assert_eq(sockets_group(&s, &c->listeners[0].bind)->n, 0);
    const struct config other = {0};
    sockets_keep_admin(&s, &other);
    cr_assert_eq(sockets_group(&s, &c->admin.listeners[0]->bind)->n, 0);
    sockets_close(&s);
    config_free(c);
    faults_fini(&faults);
}
