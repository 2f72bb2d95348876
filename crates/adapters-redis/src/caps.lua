-- What scripts with caps begin with.
--
-- A counter is a list of the times of its events, newest first, in microseconds. A cap of n events
-- per window is full while the n-th newest is younger than the window: exact in any window. Times
-- are kept as the text that the caller gave; Lua's numbers hold microseconds exactly until 2255.

-- A number as text, without an exponent.
local function text(number)
  return string.format('%.0f', number)
end

-- Reads a counter whose caps are told from ARGV[at] on: its life in ms, the largest count, how
-- many caps there are, and count and window of each. Gives it, and where the next one begins.
local function read_counter(key, at)
  local counter = { key = key, life = ARGV[at], most = tonumber(ARGV[at + 1]), caps = {} }
  local number = tonumber(ARGV[at + 2])
  at = at + 3
  for i = 1, number do
    counter.caps[i] = { count = tonumber(ARGV[at]), window = tonumber(ARGV[at + 1]) }
    at = at + 2
  end
  return counter, at
end

-- Reads the counters of KEYS[from] and all behind it, told from ARGV[at] on.
local function read_counters(from, at)
  local counters = {}
  for k = from, #KEYS do
    counters[#counters + 1], at = read_counter(KEYS[k], at)
  end
  return counters
end

-- The first moment at which one more event keeps a counter's caps; nil if it does now.
local function full_until(counter, now)
  local free_at = nil
  for _, cap in ipairs(counter.caps) do
    local nth = redis.call('LINDEX', counter.key, cap.count - 1)
    local ends = nth and tonumber(nth) + cap.window
    if ends and ends > (free_at or now) then
      free_at = ends
    end
  end
  return free_at
end

-- Which counter is full longest, and until when; nil if none is full.
local function fullest(counters, now)
  local which, free_at = nil, nil
  for i, counter in ipairs(counters) do
    local ends = full_until(counter, now)
    if ends and (not free_at or ends > free_at) then
      which, free_at = i, ends
    end
  end
  return which, free_at
end

-- Records one event and drops those that no cap asks for.
local function record(counter, now)
  if counter.most > 0 then
    redis.call('LPUSH', counter.key, now)
    redis.call('LTRIM', counter.key, 0, counter.most - 1)
    redis.call('PEXPIRE', counter.key, counter.life)
  end
end

