/* SPDX-License-Identifier: Apache-2.0 */
/* The loader maps the segments that a shared object's head names, without asking whether the file
 * is that long: one that is still being copied, or was cut off by a full disk, kills the process
 * that opens it by SIGBUS, and that process is the master. A pipe makes it wait for ever. So a file
 * is looked at before: it is regular, and as long as its head says (System V ABI, chapters 4 and
 * 5). What has no ELF head the loader refuses itself. */
#include "core/module/module_file.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char cut_off[] = "is cut off: it is shorter than its head says";

static bool is_within(uint64_t at, uint64_t n, uint64_t size)
{
    return at <= size && n <= size - at;
}

static bool reads(int fd, void *to, size_t n, uint64_t at)
{
    return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

static bool segments_are_there(int fd, const ElfW(Ehdr) * head, uint64_t size)
{
    if (!is_within(head->e_phoff, (uint64_t)head->e_phnum * sizeof(ElfW(Phdr)), size))
        return false;
    for (unsigned i = 0; i < head->e_phnum; i++) {
        ElfW(Phdr) p;
        if (!reads(fd, &p, sizeof p, head->e_phoff + i * sizeof p) ||
            (p.p_type == PT_LOAD && !is_within(p.p_offset, p.p_filesz, size)))
            return false;
    }
    return true;
}

/* Sections stand last in a file; the loader doesn't need them, but their absence says that the rest
 * isn't there yet either. */
static bool sections_are_there(const ElfW(Ehdr) * head, uint64_t size)
{
    return is_within(head->e_shoff, (uint64_t)head->e_shnum * head->e_shentsize, size);
}

static const char *fault_of(int fd)
{
    ElfW(Ehdr) head;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "is not a regular file";
    const uint64_t size = (uint64_t)st.st_size;
    if (!reads(fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_phentsize != sizeof(ElfW(Phdr)))
        return NULL;
    return segments_are_there(fd, &head, size) && sections_are_there(&head, size) ? NULL : cut_off;
}

const char *module_file_fault(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL; /* nor can the loader open it, and it says so */
    const char *fault = fault_of(fd);
    close(fd);
    return fault;
}
