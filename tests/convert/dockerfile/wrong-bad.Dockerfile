RUN early
FROM scratch AS
ARG TAG
FROM debian:${TAG}
FORM scratch
FROM scratch
CMD ['a', 'b']
ENV A
ENV A=1 B
COPY one
RUN
EXPOSE
