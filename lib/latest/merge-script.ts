/** What a hash's field of a rank begins with; the field of its payload follows. */
export const RANK_MARK = '#'

/**
 * Keeps the greater of what a hash holds and what is given, many fields at once.
 *
 * KEYS[i] is the hash of entry i (one hash may come more than once), and the last one of KEYS the set of all names. ARGV begins
 * with the length of what precedes the name in a hash's key; then come three texts an entry: its field, its rank and its payload. The
 * rank stands in a field of its own, so that a payload which loses is not read, and one which is read is nothing else. Ranks are
 * compared byte by byte: Lua's own `<` follows the server's locale, and Lua's numbers would lose digits. Two ranks of one field have
 * most of their beginning in common, so it is stepped over in pieces. Returns how many entries were kept.
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
local names, before = KEYS[#KEYS], tonumber(ARGV[1])
for i = 1, #KEYS - 1 do
  local key, field, rank, payload = KEYS[i], ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local rankField = '${RANK_MARK}' .. field
  local held = redis.call('HGET', key, rankField)
  if not held or below(held, rank) then
    if not held then redis.call('SADD', names, string.sub(key, before + 1)) end
    redis.call('HSET', key, rankField, rank, field, payload)
    kept = kept + 1
  end
end
return kept
`
