-- The latest moment that a node was at: what ran out by then is over, whatever clocks say later.
CREATE TABLE latest_moment (
    id integer PRIMARY KEY CHECK (id = 1),
    at timestamptz NOT NULL
);
