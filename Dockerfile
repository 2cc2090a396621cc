# The operator's image. Everything in it is pinned: the base by digest, the dependencies by the hashes of requirements/.
# To move to a newer base, take its index digest from `docker buildx imagetools inspect docker.io/library/python:TAG`.
ARG BASE=docker.io/library/python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# What is compiled comes out the same every time: with a fixed seed, and nothing of it written by the way.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv --without-pip /opt/tokensync \
 && python -m pip --python /opt/tokensync/bin/python install \
      --require-hashes --only-binary :all: --no-compile --requirement requirements/run.txt \
 && python -m pip install --require-hashes --only-binary :all: --requirement requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY operator/tokensync operator/tokensync
RUN python -m pip wheel --no-index --no-build-isolation --no-deps --wheel-dir wheels . \
 && python -m pip --python /opt/tokensync/bin/python install \
      --no-index --find-links wheels --no-deps --no-compile tokensync
# Of the Kubernetes client the operator uses the connection alone: its generated calls, half of all that is installed,
# are never imported, its models hardly ever. The rest is compiled, because a read-only file system keeps nothing that is
# compiled at a start. docs/decisions/0012-compiled-image.md has the figures.
RUN packages=$(/opt/tokensync/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
 && rm -r "$packages/kubernetes/client/api" "$packages/kubernetes/aio/client/api" \
 && /opt/tokensync/bin/python -m compileall -q --invalidation-mode unchecked-hash \
      -x '/kubernetes/(aio/)?client/models/' "$packages"

FROM ${BASE}
# The base's standard library comes uncompiled as well.
RUN library=$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))') \
 && python -m pip uninstall --yes --root-user-action ignore pip \
 && rm -r "$library/ensurepip" \
 && PYTHONHASHSEED=0 python -m compileall -q --invalidation-mode unchecked-hash "$library"
COPY --from=build /opt/tokensync /opt/tokensync
ENV PATH=/opt/tokensync/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
ENTRYPOINT ["tokensync"]
CMD ["run"]
ARG BASE
ARG CREATED
ARG REVISION
ARG VERSION
LABEL org.opencontainers.image.title="tokensync" \
      org.opencontainers.image.description="A Kubernetes operator that keeps fresh OAuth 2.0 access tokens in Secrets" \
      org.opencontainers.image.source="https://github.com/tokensync/tokensync" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.version="${VERSION}"
