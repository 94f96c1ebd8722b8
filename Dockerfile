# The studio for a server: docker build --build-arg TORCH=cu130 . takes the PyTorch for NVIDIA cards, cpu a much smaller one.
FROM python:3.12-slim

ARG TORCH=cpu
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 STUDIO_HOME=/data STUDIO_HOST=0.0.0.0 STUDIO_LOG_FORMAT=json

RUN useradd --create-home --uid 1000 studio && mkdir /data && chown studio /data
# What goes together is pip's to say: pyproject.toml has floors, and PyTorch comes as a pair from one index.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/${TORCH}

WORKDIR /app
COPY pyproject.toml README.md LICENSE ./
COPY studio studio
COPY presets presets
COPY assets assets
# Beside the package lie its presets and assets, so it is used from where it stands.
RUN pip install --no-cache-dir --editable .

# By its number, so that whoever runs it sees that it is not root.
USER 1000
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:7860/healthz', timeout=4)"]
# It is asked to end, keeps its queue, and is gone within seconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["studio"]
CMD ["run"]
