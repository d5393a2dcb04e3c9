/* SPDX-License-Identifier: Apache-2.0 */
/* The two scripts, both on a cell. Each is atomic, so of those that offer what comes after the same
 * version the first is taken and the others hear what it was. The time in it is Redis's, which a
 * script that writes may ask for since Redis 5. */
#include "fleet/fleet_parts.h"

/* An offer:
 *
 *     KEYS[1] the cell     ARGV: channel, version that has to be there, known, by, age in ms,
 *                          milliseconds to live, run_id, then names and values
 *
 * {1, the new record}: taken, and told to all. {0, what is there}: not. `known` empty: it is the
 * next version. Else it begins a lineage, and its version is above `known` and, by the clock, above
 * what anybody has known, also those whose versions are lost. What this version of Weir doesn't
 * know stays in the hash; what a newer format has there is left alone. */
const char fleet_script_offer[] =
    "local old = redis.call('HMGET', KEYS[1], 'f', 'n', 'since')\n"
    "local n = tonumber(old[2] or '0')\n"
    "if (old[1] and old[1] ~= '1') or n ~= tonumber(ARGV[2]) then\n"
    "  return {0, redis.call('HGETALL', KEYS[1])}\n"
    "end\n"
    "local t = redis.call('TIME')\n"
    "local us = t[1] * 1000000 + t[2]\n"
    "local v, since = n + 1, old[3] or ''\n"
    "if ARGV[3] ~= '' then\n"
    "  v = math.max(tonumber(ARGV[3]) + 1, us)\n"
    "  since = string.format('%.0f', v)\n"
    "end\n"
    "if v > 9007199254740991 then\n"
    "  return redis.error_reply('ERR its version has no successor')\n"
    "end\n"
    "local at = math.max(0, math.floor(us / 1000) - tonumber(ARGV[5]))\n"
    "redis.call('HSET', KEYS[1], 'f', '1', 'n', string.format('%.0f', v), 'since', since,\n"
    "           'by', ARGV[4], 'at', string.format('%.0f', at), 'run', ARGV[7],\n"
    "           unpack(ARGV, 8))\n"
    "redis.call('HDEL', KEYS[1], 'taken')\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[6])\n"
    "local all, d = redis.call('HGETALL', KEYS[1]), {}\n"
    "for i = 1, #all, 2 do d[all[i]] = all[i + 1] end\n"
    "redis.call('PUBLISH', ARGV[1], cjson.encode({k = KEYS[1], d = d}))\n"
    "return {1, all}\n";

/* Numbers of a version:
 *
 *     KEYS[1] the cell     ARGV: the version, how many
 *
 * The first of them; -1: another version is there. The count is in the record, so that it is lost
 * with it, and never without. */
const char fleet_script_take[] =
    "local old = redis.call('HMGET', KEYS[1], 'f', 'n')\n"
    "if old[1] ~= '1' or tonumber(old[2] or '0') ~= tonumber(ARGV[1]) then\n"
    "  return -1\n"
    "end\n"
    "return redis.call('HINCRBY', KEYS[1], 'taken', ARGV[2]) - tonumber(ARGV[2])\n";
