/**
 * Keeps the greater of what a hash holds and what is given, many fields at once.
 *
 * KEYS[i] is the hash of entry i (one hash may come more than once); ARGV holds its field, rank and payload. A value is the rank, a
 * newline and the payload; a rank has no newline. Ranks are compared byte by byte: Lua's own `<` follows the server's
 * locale, and Lua's numbers would lose digits. Returns how many entries were kept.
 */
export const MERGE_SCRIPT = `
local function below(a, b)
  local shorter = math.min(#a, #b)
  for i = 1, shorter do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local kept = 0
for i = 1, #KEYS do
  local field, rank, payload = ARGV[3 * i - 2], ARGV[3 * i - 1], ARGV[3 * i]
  local held = redis.call('HGET', KEYS[i], field)
  if not held or below(string.sub(held, 1, string.find(held, '\\n', 1, true) - 1), rank) then
    redis.call('HSET', KEYS[i], field, rank .. '\\n' .. payload)
    kept = kept + 1
  end
end
return kept
`
