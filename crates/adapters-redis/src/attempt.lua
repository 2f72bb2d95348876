-- Counts one password attempt from an address as a failure, unless a cap is reached (LOCK-06);
-- before that takes back the attempts that turned out right since.
--
-- KEYS: the address' attempts; those of all addresses; then for each attempt to take back those of
-- its address.
-- ARGV: now; account; nonce; count and window of the cap on failures, of the cap on distinct
-- accounts, and of the cap on the failures of all addresses, a count of 0 being no cap; the lives
-- of both keys in ms; the most attempts of one account that are kept for its place among the
-- distinct ones; the attempts to take back.
-- Gives nothing, or until when the address waits, or "storm" where the attempt is counted while
-- those of all addresses have reached their cap.
--
-- Attempts are a sorted set by time; a member is account and nonce, among those of all addresses
-- the nonce alone. One of the time t is counted while t + window > now.

local key, everyones, now, account, nonce = KEYS[1], KEYS[2], tonumber(ARGV[1]), ARGV[2], ARGV[3]
local failures = { count = tonumber(ARGV[4]), window = tonumber(ARGV[5]) }
local accounts = { count = tonumber(ARGV[6]), window = tonumber(ARGV[7]) }
local everyone = { count = tonumber(ARGV[8]), window = tonumber(ARGV[9]) }
local most_of_one = tonumber(ARGV[12])

local function text(number)
  return string.format('%.0f', number)
end

for k = 3, #KEYS do
  local right = ARGV[10 + k]
  redis.call('ZREM', KEYS[k], right)
  redis.call('ZREM', everyones, string.sub(right, -#nonce))
end
redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now - math.max(failures.window, accounts.window)))

local free_at = now
if failures.count > 0 then
  local nth = redis.call('ZREVRANGE', key, failures.count - 1, failures.count - 1, 'WITHSCORES')
  if nth[2] then
    free_at = math.max(free_at, tonumber(nth[2]) + failures.window)
  end
end

if accounts.count > 0 then
  local made = redis.call('ZREVRANGE', key, 0, -1, 'WITHSCORES')
  local of_account, newest = {}, {}
  for i = 1, #made, 2 do
    local at, of = tonumber(made[i + 1]), string.sub(made[i], 1, #account)
    of_account[of] = (of_account[of] or 0) + 1
    if of_account[of] == 1 and at + accounts.window > now then
      newest[#newest + 1] = { at = at, of = of }
    end
    -- One account tried for ever must not fill the set.
    local fails = failures.count > 0 and at + failures.window > now
    if of_account[of] > most_of_one and not fails then
      redis.call('ZREM', key, made[i])
    end
  end
  local tried_before = false
  for _, it in ipairs(newest) do
    tried_before = tried_before or it.of == account
  end
  local nth = newest[accounts.count]
  if nth and not tried_before then
    free_at = math.max(free_at, nth.at + accounts.window)
  end
end

if free_at > now then
  return text(free_at)
end
if failures.count > 0 or accounts.count > 0 then
  redis.call('ZADD', key, ARGV[1], account .. nonce)
  redis.call('PEXPIRE', key, ARGV[10])
end
if everyone.count == 0 then
  return false
end

redis.call('ZREMRANGEBYSCORE', everyones, '-inf', text(now - everyone.window))
local made = redis.call('ZCARD', everyones)
-- A storm must not fill the memory.
if made < 2 * everyone.count then
  redis.call('ZADD', everyones, ARGV[1], nonce)
  redis.call('PEXPIRE', everyones, ARGV[11])
end
return made >= everyone.count and 'storm'
