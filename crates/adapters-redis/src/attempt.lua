-- Counts one password attempt from an address as a failure, unless a cap is reached (LOCK-06);
-- before that takes back the attempts that turned out right since.
--
-- KEYS: the address' attempts; then for each attempt to take back the attempts it is among.
-- ARGV: now; account; nonce; count and window of the cap on failures, and of the cap on distinct
-- accounts, a count of 0 being no cap; life in ms; the most attempts of one account that are kept
-- for its place among the distinct ones; the attempts to take back.
-- Gives nothing, or until when the address waits.
--
-- Attempts are a sorted set by time; a member is account and nonce. One of the time t is counted
-- while t + window > now.

local key, now, account = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local failures = { count = tonumber(ARGV[4]), window = tonumber(ARGV[5]) }
local accounts = { count = tonumber(ARGV[6]), window = tonumber(ARGV[7]) }
local most_of_one = tonumber(ARGV[9])

local function text(number)
  return string.format('%.0f', number)
end

for k = 2, #KEYS do
  redis.call('ZREM', KEYS[k], ARGV[8 + k])
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
redis.call('ZADD', key, ARGV[1], account .. ARGV[3])
redis.call('PEXPIRE', key, ARGV[8])
return false
