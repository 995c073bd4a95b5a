#!/bin/sh
# Run once by the postgres image on an empty volume: the owner of the tables and the application's login, apart.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
  --set=owner="$MUNIMENT_OWNER_PASSWORD" --set=app="$MUNIMENT_APP_PASSWORD" <<'SQL'
CREATE ROLE muniment_owner LOGIN NOSUPERUSER CREATEROLE PASSWORD :'owner';
CREATE ROLE muniment_app LOGIN NOSUPERUSER PASSWORD :'app';
CREATE DATABASE muniment OWNER muniment_owner;
SQL
