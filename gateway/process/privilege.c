/* SPDX-License-Identifier: Apache-2.0 */
/* Dropping privileges: in the order in which each step is still allowed, and checked, since a
 * worker that silently stays root is worse than one that doesn't start. */
#include "process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static bool find_user(const struct config *c, struct identity *id, struct faults *faults)
{
    if (!c->user.n)
        return true;
    const struct passwd *pw = getpwnam(c->user.p);
    if (!pw) {
        faults_add(faults, c->file.p, 0, "user \"%s\" doesn't exist on this machine", c->user.p);
        return false;
    }
    id->uid = pw->pw_uid;
    id->gid = pw->pw_gid;
    id->user = c->user.p;
    return true;
}

static bool find_group(const struct config *c, struct identity *id, struct faults *faults)
{
    if (!c->group.n)
        return true;
    const struct group *gr = getgrnam(c->group.p);
    if (!gr) {
        faults_add(faults, c->file.p, 0, "group \"%s\" doesn't exist on this machine", c->group.p);
        return false;
    }
    id->gid = gr->gr_gid;
    return true;
}

bool identity_find(const struct config *c, struct identity *id, struct faults *faults)
{
    *id = (struct identity){.uid = (unsigned)-1, .gid = (unsigned)-1};
    const bool user_ok = find_user(c, id, faults);
    if (!find_group(c, id, faults) || !user_ok)
        return false;
    const bool wanted = c->user.n || c->group.n;
    if (wanted && geteuid() != 0 && id->uid != geteuid())
        faults_warn(faults, c->file.p, 0,
                    "user and group are ignored: only root can start processes as somebody else");
    id->set = wanted && geteuid() == 0;
    if (!id->set)
        id->uid = id->gid = (unsigned)-1;
    return true;
}

bool identity_take(const struct identity *id)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return false;
    if (!id->set)
        return true;
    if (id->user ? initgroups(id->user, id->gid) != 0 : setgroups(0, NULL) != 0)
        return false;
    if (setgid(id->gid) != 0)
        return false;
    if (id->uid == (unsigned)-1)
        return true;
    if (setuid(id->uid) != 0)
        return false;
    if (id->uid != 0 && setuid(0) == 0) { /* it must not be possible to go back */
        errno = EPERM;
        return false;
    }
    return true;
}

long descriptors_raise(int64_t want)
{
    struct rlimit rl;
    if (getrlimit(RLIMIT_NOFILE, &rl) != 0)
        return -1;
    rl.rlim_cur = rl.rlim_max;
    if (want && (rlim_t)want > rl.rlim_max)
        rl.rlim_max = (rlim_t)want; /* root may */
    if (want)
        rl.rlim_cur = (rlim_t)want;
    if (setrlimit(RLIMIT_NOFILE, &rl) != 0) {
        getrlimit(RLIMIT_NOFILE, &rl);
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    getrlimit(RLIMIT_NOFILE, &rl);
    return (long)rl.rlim_cur;
}
