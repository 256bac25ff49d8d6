# One image for every role. As it is, it is a whole installation:
#   docker run -p 8000:8000 -v footnote:/data footnote
# With KB_PARTS it is one part of a larger one: see compose.yaml and docs/operations.md.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

# --- the scripts of the pages -------------------------------------------------------------------
FROM ${NODE_IMAGE} AS pages
WORKDIR /src/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
COPY frontend/stand_ins/ stand_ins/
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

# --- the Python packages ------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS packages
# The index of the build of torch that fits: empty takes what the default index offers.
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
# python-ldap is compiled: it comes as source only.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y gcc libc6-dev libldap2-dev libsasl2-dev \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/footnote
ENV PATH=/opt/footnote/bin:$PATH
COPY requirements.txt constraints.txt ./
RUN pip install --constraint constraints.txt --upgrade pip \
    && pip install --constraint constraints.txt ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} \
        "$(grep '^torch==' requirements.txt)" \
    && pip install --constraint constraints.txt --requirement requirements.txt
COPY scripts/compile_messages.py scripts/
COPY locale/ locale/
RUN python scripts/compile_messages.py

# --- what runs ----------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE}
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y libgomp1 libldap-2.5-0 libsasl2-2 tini xmlsec1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin footnote
WORKDIR /app
COPY --from=packages /opt/footnote /opt/footnote
COPY manage.py LICENSE ./
COPY apps/ apps/
COPY kb_platform/ kb_platform/
COPY workers/ workers/
COPY templates/ templates/
COPY static/ static/
COPY --from=pages /src/static/dist static/dist
COPY --from=packages /src/locale locale
ENV PATH=/opt/footnote/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    KB_DATA_DIR=/data \
    KB_MODELS_DIR=/data/models \
    KB_HOST=0.0.0.0 \
    KB_LOG_TO=stdout
RUN python -m compileall -q apps kb_platform workers
USER 10001
VOLUME /data
EXPOSE 8000
# Models are fetched at the first start: until then the page is there and the hosts are not.
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m \
    CMD ["python", "-m", "workers.supervise", "--status"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tini", "--", "python", "-m", "workers.supervise"]
