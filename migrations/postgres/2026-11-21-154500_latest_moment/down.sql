DROP TABLE latest_moment;
