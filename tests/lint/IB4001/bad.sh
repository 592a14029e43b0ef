#!/bin/bash
cp /etc/motd /root/motd
chmod 600 /root/motd
