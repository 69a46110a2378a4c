# SPDX-License-Identifier: Apache-2.0
"""The portal's certificate is for a Service's name, which only the cluster's name server knows."""
import os
import socket

_resolve = socket.getaddrinfo


def _getaddrinfo(host, *rest, **more):
    return _resolve(os.environ["DLWS_ADDRESS"] if host == os.environ["DLWS_HOST"] else host, *rest, **more)


socket.getaddrinfo = _getaddrinfo
