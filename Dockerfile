# The whole job in a container: on the CPU, or on a GPU with `docker run --gpus all`. docs/gpu.md has the commands.
#
#     docker build -t cnn-harness .                         with CUDA's libraries, for a GPU
#     docker build -t cnn-harness --build-arg EXTRAS= .     without, some 4 GB smaller

# CUDA and cuDNN come with TensorFlow's wheels, in the versions that it was built for; the host gives only its driver.
FROM docker.io/library/python:3.11-slim-bookworm
ARG EXTRAS=[gpu]

COPY . /src
RUN pip install --no-cache-dir "/src${EXTRAS}" \
    && mkdir /work && cp -r /src/suites /work \
    && mkdir -m 1777 /cache /work/results

# What is made once and kept, for any user: decoded images, Keras's downloads, kernels compiled for a new card.
ENV HOME=/cache \
    HARNESS_CACHE=/cache/harness \
    KERAS_HOME=/cache/keras \
    CUDA_CACHE_PATH=/cache/cuda \
    CUDA_CACHE_MAXSIZE=4294967296 \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    PYTHONUNBUFFERED=1
VOLUME ["/cache", "/work/results"]
WORKDIR /work
CMD ["pytest", "suites", "--benchmark"]
