ARG VERSION=12
ARG IMAGE=debian:bullseye
ARG TAG
FROM debian AS latest
FROM debian:bookworm-20240110-slim AS dated
FROM debian:${VERSION}-slim AS numbered
FROM $IMAGE AS named
FROM debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef AS pinned
FROM ubuntu:22.04 AS u
FROM --platform=$BUILDPLATFORM golang:1.21 AS go
FROM --platform=linux/arm64 registry.example.org:5000/team/app AS other
FROM redis@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
FROM debian:${TAG:-trixie}
RUN apt-get update && apt-get install -y --no-install-recommends curl
COPY --from=0 /etc/debian_version /0
COPY --from=GO /usr/local/go /go
RUN --mount=from=8,target=/mnt,source=/ --mount=type=bind,from=alpine:3,target=/a --network=host --security=insecure ls
FROM oCi
