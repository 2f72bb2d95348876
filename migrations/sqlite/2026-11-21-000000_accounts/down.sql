DROP TABLE master_secret;
DROP TABLE login_events;
DROP TABLE sessions;
DROP TABLE password_attempts;
DROP TABLE passwords;
DROP TABLE identifiers;
DROP TABLE identities;
DROP TABLE users;
