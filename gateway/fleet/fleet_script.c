/* SPDX-License-Identifier: Apache-2.0 */
/* The one script: an offer of a new version of a cell. It is atomic, so of those that offer the
 * same version the first is taken and the others hear what it was. The time in it is Redis's, which
 * a script that writes may ask for since Redis 5.
 *
 *     KEYS[1] the cell     ARGV: channel, version, by, milliseconds to live, then names and values
 *
 * {1, at}: taken, and told to all. {0, what is there}: not. What this version doesn't know stays in
 * the hash; what a newer format has there is left alone. */
#include "fleet/fleet_parts.h"

const char fleet_script[] =
    "local old = redis.call('HMGET', KEYS[1], 'f', 'n')\n"
    "local n = tonumber(old[2] or '0')\n"
    "if (old[1] and old[1] ~= '1') or not n or n >= tonumber(ARGV[2]) then\n"
    "  return {0, redis.call('HGETALL', KEYS[1])}\n"
    "end\n"
    "local t = redis.call('TIME')\n"
    "local at = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))\n"
    "redis.call('HSET', KEYS[1], 'f', '1', 'n', ARGV[2], 'by', ARGV[3], 'at', at,\n"
    "           unpack(ARGV, 5))\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[4])\n"
    "local all, d = redis.call('HGETALL', KEYS[1]), {}\n"
    "for i = 1, #all, 2 do d[all[i]] = all[i + 1] end\n"
    "redis.call('PUBLISH', ARGV[1], cjson.encode({k = KEYS[1], d = d}))\n"
    "return {1, at}\n";
