# The hub for production. Build: docker build -t recovery-hub .   Commands: docker run ... recovery-hub manage.py migrate
FROM python:3.12-slim-bookworm AS build

RUN apt-get update \
 && apt-get install -y --no-install-recommends default-libmysqlclient-dev gcc libc6-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/hub
ENV PATH=/opt/hub/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /build
COPY requirements/build.txt requirements/mysql.txt requirements/
RUN pip install --require-hashes -r requirements/build.txt \
 && pip install --require-hashes --no-build-isolation -r requirements/mysql.txt
COPY pyproject.toml README.md LICENSE ./
COPY config/ config/
COPY inventory/ inventory/
COPY replication/ replication/
COPY failover/ failover/
COPY backups/ backups/
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && pip install --no-deps --no-index dist/*.whl


FROM python:3.12-slim-bookworm

# The clients are what back-up, restore and `manage.py dbshell` call; not older than the servers they speak to.
RUN apt-get update \
 && apt-get install -y --no-install-recommends libmariadb3 mariadb-client postgresql-client \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /srv/hub --shell /usr/sbin/nologin hub

WORKDIR /srv/hub
ENV PATH=/opt/hub/bin:/srv/hub:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/hub /opt/hub
COPY manage.py ./
RUN DEBUG=no DATABASE_URL=sqlite://:memory: manage.py collectstatic --no-input \
 && install --directory --owner=hub --group=hub var

ENV ENVIRONMENT=production LOG_FORMAT=json
# gunicorn reads both: processes, and its other options (docs/configuration.md).
ENV WEB_CONCURRENCY=2
ENV GUNICORN_CMD_ARGS="--threads=4 --timeout=60 --graceful-timeout=30 --keep-alive=5 --max-requests=5000 --max-requests-jitter=500 --worker-tmp-dir=/dev/shm --access-logfile=-"

USER hub
EXPOSE 8000
# The host is one of ALLOWED_HOSTS, since any other is refused.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000"]
