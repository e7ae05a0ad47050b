/**
 * Keeps the greater of what a hash holds and what is given, many fields at once.
 *
 * KEYS[i] is the hash of entry i (one hash may come more than once), and the last one of KEYS the set of all names; ARGV holds
 * four texts an entry: its name in the set, its field, its rank and its payload. A value is the rank, a newline and the payload; a
 * rank has no newline. Ranks are compared byte by byte: Lua's own `<` follows the server's locale, and Lua's numbers would lose
 * digits. Two ranks of one field have most of their beginning in common, so it is stepped over in pieces. Returns how many entries
 * were kept.
 */
export const MERGE_SCRIPT = `
local STEP = 16
local function below(a, b)
  local shorter = math.min(#a, #b)
  for from = 1, shorter, STEP do
    if string.sub(a, from, from + STEP - 1) ~= string.sub(b, from, from + STEP - 1) then
      for i = from, math.min(from + STEP - 1, shorter) do
        local x, y = string.byte(a, i), string.byte(b, i)
        if x ~= y then return x < y end
      end
    end
  end
  return #a < #b
end

local kept = 0
local names = KEYS[#KEYS]
for i = 1, #KEYS - 1 do
  local name, field, rank, payload = ARGV[4 * i - 3], ARGV[4 * i - 2], ARGV[4 * i - 1], ARGV[4 * i]
  local held = redis.call('HGET', KEYS[i], field)
  if not held then redis.call('SADD', names, name) end
  if not held or below(string.sub(held, 1, string.find(held, '\\n', 1, true) - 1), rank) then
    redis.call('HSET', KEYS[i], field, rank .. '\\n' .. payload)
    kept = kept + 1
  end
end
return kept
`
