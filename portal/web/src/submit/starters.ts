// SPDX-License-Identifier: Apache-2.0
// What one begins with. Each is a whole job with one thing to fill in: the image.

export interface Starter { id: string; title: string; about: string; yaml: string }

const head = (name: string) => `apiVersion: dlworkspace.io/v1
kind: DLJob
metadata:
  name: ${name}
spec:
`;

export const STARTERS: Starter[] = [
    {
        id: 'script', title: 'A Python script', about: 'One pod with a GPU runs a script that you paste or drop; no image has to be built for it.',
        yaml: `${head('my-script')}  image: python:3.12
  command: [python3, /job/train.py]
  roles:
  - name: worker
    gpus: 1
  files:
  - name: train.py
    content: |
      print("hello")
`,
    },
    {
        id: 'torch', title: 'PyTorch on several GPUs', about: 'torchrun in two pods with eight GPUs each; they find each other by themselves.',
        yaml: `${head('my-training')}  image: pytorch/pytorch:2.7.0-cuda12.6-cudnn9-runtime
  command: [torchrun, /job/train.py]
  framework: Torch
  roles:
  - name: worker
    replicas: 2
    gpus: 8
    resources: {cpu: 32, memory: 256Gi, shm: 64Gi}
  storage:
  - {name: work, mountPath: /work}
  files:
  - name: train.py
    content: |
      import os
      import torch.distributed as dist

      dist.init_process_group()
      print("rank", dist.get_rank(), "of", dist.get_world_size(), "on GPU", os.environ["LOCAL_RANK"])
      dist.destroy_process_group()
`,
    },
    {
        id: 'deepspeed', title: 'DeepSpeed', about: 'A launcher runs deepspeed over two pods with eight GPUs each. The image needs DeepSpeed, ssh and sshd.',
        yaml: `${head('my-deepspeed')}  image: registry.example/deepspeed:1
  command: [deepspeed, --hostfile, /job/hostfile, train.py]
  framework: DeepSpeed
  roles:
  - name: launcher
  - name: worker
    replicas: 2
    gpus: 8
    resources: {cpu: 32, memory: 256Gi, shm: 64Gi}
  storage:
  - {name: work, mountPath: /work}
`,
    },
    {
        id: 'jax', title: 'JAX', about: 'Two pods with eight GPUs each; the script calls jax.distributed.initialize.',
        yaml: `${head('my-jax')}  image: registry.example/jax:1
  command: [python3, train.py]
  framework: JAX
  roles:
  - name: worker
    replicas: 2
    gpus: 8
`,
    },
    {
        id: 'mpi', title: 'MPI', about: 'A launcher runs mpirun over two pods. The image needs Open MPI, ssh and sshd.',
        yaml: `${head('my-mpi')}  image: registry.example/mpi:1
  command: [mpirun, ./program]
  framework: MPI
  roles:
  - name: launcher
  - name: worker
    replicas: 2
    gpus: 1
`,
    },
    {id: 'empty', title: 'An empty job', about: 'The form alone, or YAML that you have.', yaml: `${head('my-job')}  image: python:3.12\n  command: [python3, -V]\n`},
];
