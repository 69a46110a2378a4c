# SPDX-License-Identifier: Apache-2.0
"""Trains a small network on the UCI handwritten digits, in as many processes as the job has pods.

Every process (rank) learns from its own part of the training images; DistributedDataParallel averages
the gradients over Gloo, so all ranks hold the same network. Rank 0 writes into --out:

    checkpoint.pt    everything needed to go on after a restart; replaced whole, never half-written
    metrics.jsonl    one line an epoch: loss, accuracy on the held-out images, seconds

Started again with the same --out, training goes on after the last finished epoch. On SIGTERM (the job
is stopped, suspended or its node drained) the current epoch ends, the checkpoint is written, and all
ranks leave together.

DLWorkspace sets MASTER_ADDR, MASTER_PORT, WORLD_SIZE and RANK (framework: Torch); without them this is
an ordinary program of one process:  python3 train.py --data digits.csv --out /tmp/digits
"""
import argparse
import json
import os
import signal
import socket
import sys
import time

import numpy
import torch
import torch.distributed as dist
from torch import nn

SEED = 7
RANK = int(os.environ.get("RANK", "0"))
WORLD = int(os.environ.get("WORLD_SIZE", "1"))
stop_asked = False


def say(text):
    print(f"[rank {RANK}] {text}", flush=True)


def on_sigterm(_signal, _frame):
    global stop_asked
    stop_asked = True
    say("told to stop; finishing this epoch first")


def choose_interface():
    """Gloo listens on the address of this host's name. Where that is the loopback device, no other pod
    could reach it: take the device of the default route instead."""
    try:
        if not socket.gethostbyname(socket.gethostname()).startswith("127."):
            return
    except OSError:
        pass
    with open("/proc/net/route") as routes:
        for line in list(routes)[1:]:
            device, destination = line.split()[:2]
            if destination == "00000000":
                os.environ.setdefault("GLOO_SOCKET_IFNAME", device)


def load(path):
    """64 grey values (0 to 16) and the digit a line -> (training images, labels, held-out ones)."""
    table = torch.from_numpy(numpy.loadtxt(path, delimiter=",", dtype=numpy.float32))
    order = torch.randperm(len(table), generator=torch.Generator().manual_seed(SEED))
    images, labels = table[order, :64].view(-1, 1, 8, 8) / 16.0, table[order, 64].long()
    held_out = len(table) // 5  # never trained on
    return images[held_out:], labels[held_out:], images[:held_out], labels[:held_out]


def write_whole(path, write):
    """Readers see the old file or the new one, also after a crash."""
    temporary = path + ".new"
    with open(temporary, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 4 * 4, 10))


def total(*values):
    """Sum over all ranks."""
    tensor = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(tensor)
    return tensor.tolist()


def train_epoch(model, optimizer, images, labels, epoch, batch):
    """One pass over this rank's part; returns its mean loss."""
    # The same shuffle on every rank, and the same again after a restart; then each takes its turn.
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(SEED + epoch))
    mine = order[: len(order) // WORLD * WORLD][RANK::WORLD]
    torch.manual_seed(SEED + epoch * WORLD + RANK)  # of dropout
    model.train()
    losses = []
    for start in range(0, len(mine), batch):
        chosen = mine[start : start + batch]
        loss = nn.functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def held_out_accuracy(model, images, labels):
    """Each rank looks at its share of the held-out images; the counts are added up."""
    model.eval()
    right = (model.module(images[RANK::WORLD]).argmax(dim=1) == labels[RANK::WORLD]).sum().item()
    return total(right)[0] / len(images)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="/data/digits.csv", help="the images (default: %(default)s)")
    parser.add_argument("--out", default="/work/digits", help="folder to write to (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=32, help="images a step and rank")
    options = parser.parse_args()
    checkpoint = os.path.join(options.out, "checkpoint.pt")
    metrics = os.path.join(options.out, "metrics.jsonl")

    signal.signal(signal.SIGTERM, on_sigterm)
    torch.set_num_threads(1)  # a small network: more threads only get in each other's way
    torch.manual_seed(SEED)
    train_images, train_labels, test_images, test_labels = load(options.data)

    if WORLD == 1:  # the address by which the ranks find each other
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", "29500")
    else:
        choose_interface()
        say(f"waiting for {WORLD} ranks at {os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}")
    dist.init_process_group("gloo", rank=RANK, world_size=WORLD)

    model = nn.parallel.DistributedDataParallel(make_model())  # rank 0's weights go to all
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    history = []  # one entry per finished epoch
    if os.path.exists(checkpoint):
        state = torch.load(checkpoint, map_location="cpu")
        model.module.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        history = state["history"]
        say(f"resumed after epoch {len(history)} from {checkpoint}")
    dist.barrier()  # nobody writes a checkpoint while another rank still reads it
    say(f"training on {len(train_images)} images in {WORLD} ranks, {len(test_images)} held out")

    while len(history) < options.epochs:
        began = time.monotonic()
        epoch = len(history) + 1
        loss = train_epoch(model, optimizer, train_images, train_labels, epoch, options.batch)
        accuracy = held_out_accuracy(model, test_images, test_labels)
        loss_of_all, stops = total(loss, float(stop_asked))
        history.append({"epoch": epoch, "loss": round(loss_of_all / WORLD, 5), "accuracy": round(accuracy, 5),
                        "seconds": round(time.monotonic() - began, 3), "ranks": WORLD})
        say(f"epoch {epoch}/{options.epochs}  loss {loss:.4f}  held-out accuracy {accuracy:.4f}")
        if RANK == 0:
            os.makedirs(options.out, exist_ok=True)
            state = {"model": model.module.state_dict(), "optimizer": optimizer.state_dict(), "history": history}
            write_whole(checkpoint, lambda file: torch.save(state, file))
            lines = "".join(json.dumps(entry) + "\n" for entry in history)
            write_whole(metrics, lambda file: file.write(lines.encode()))
        if stops:  # any rank was told to stop: all leave at the same place
            dist.barrier()
            say(f"stopped after epoch {epoch}; the checkpoint is {checkpoint}")
            return 128 + signal.SIGTERM

    dist.barrier()
    say(f"done: held-out accuracy {history[-1]['accuracy']:.4f}, checkpoint {checkpoint}")
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
