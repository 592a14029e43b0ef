# syntax=docker/dockerfile:1
# The build of the application.
ARG RELEASE=bookworm
ARG PY=3.11

FROM python:${PY}-slim AS Build
MAINTAINER Some One <some@example.org>
ENV APP_HOME /app
ENV OPTS -Da="x y"   -Db
ENV PATH="$APP_HOME/bin:$PATH" \
    # why
    EMPTY=$NOTHING
WORKDIR $APP_HOME
COPY --link . .
RUN --mount=type=cache,target=/root/.cache --mount=type=ssh \
    pip install -r requirements.txt; \
    echo done

FROM debian:${RELEASE}-slim
ARG TARGETPLATFORM
# what it needs
RUN apt-get update && apt-get install -y --no-install-recommends \
    # the server
    nginx-light \
    ca-certificates \
 && rm -rf /var/lib/apt/lists/*
COPY --from=0 /app /app
COPY --from=busybox:1.36 /bin/busybox /bin/
ADD site.tar.gz https://example.org/x.txt conf /srv/
ADD a.tgz /b/
EXPOSE 80/TCP
HEALTHCHECK --interval=5s CMD curl -f http://localhost/
ONBUILD RUN echo hi
COPY <<EOT /etc/motd
hello $RELEASE $NOPE
EOT
RUN <<EOT
echo a
EOT
USER www-data
VOLUME ["/data"]
CMD ["nginx", "-g", "daemon off;"]
