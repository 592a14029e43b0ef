FROM debian:12
RUN apt-get update && apt-get install -y curl
RUN set -eux; apt-get update; apt-get install -y --no-install-recommends g++ make; rm -rf /var/lib/apt/lists/*
RUN apt-get update; apt-get install -y git
RUN apt-get update && apt-get install -y nginx=1.22.1-9
RUN apt-get update && apt-get install -y python3 && pip install flask
RUN apt-get update && apt-get install -y $PACKAGES
RUN apt-get update && apt-get install -y ./local.deb
RUN DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends tzdata && apt-get clean
RUN apt-get update && apt-get install --no-install-recommends -y build-essential ca-certificates curl dnsutils ethtool file git jq less make
RUN apt-get remove -y curl
