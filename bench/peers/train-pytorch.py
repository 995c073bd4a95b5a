"""The reference recipe in PyTorch on the processor: 784-128-10, ReLU, SGD 0.01, batch 64, on the same IDX files.

Usage: train-pytorch.py FOLDER THREADS. For each line `EPOCHS` on standard input it trains afresh and answers one JSON
line. The whole training set is scaled beforehand and batches are picked by index, which is faster than a DataLoader;
loss and accuracy are kept for every batch, as Muniment keeps them. Only the training itself is timed.
"""
import json
import resource
import sys
import time

import numpy as np
import torch

BATCH = 64


def read_idx(path):
    with open(path, 'rb') as file:
        rank = int.from_bytes(file.read(4), 'big') & 0xFF
        shape = [int.from_bytes(file.read(4), 'big') for _ in range(rank)]
        return np.frombuffer(file.read(), dtype=np.uint8).reshape(shape)


def load(folder, name):
    images = torch.from_numpy(read_idx(f'{folder}/{name}-images-idx3-ubyte').astype(np.float32) / 255)
    labels = torch.from_numpy(read_idx(f'{folder}/{name}-labels-idx1-ubyte').astype(np.int64))
    return images.reshape(len(images), -1), labels


def train(images, labels, epochs):
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of = torch.nn.CrossEntropyLoss()
    began = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(images))
        loss_sum = torch.zeros(())
        hits = torch.zeros((), dtype=torch.int64)
        for start in range(0, len(images), BATCH):
            members = order[start : start + BATCH]
            targets = labels[members]
            optimizer.zero_grad()
            logits = model(images[members])
            loss = loss_of(logits, targets)
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(members)
            hits += (logits.detach().argmax(1) == targets).sum()
    return model, epochs * len(images) / (time.perf_counter() - began)


folder, threads = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(threads)
images, labels = load(folder, 'train')
test_images, test_labels = load(folder, 't10k')
print(json.dumps({'ready': f'PyTorch {torch.__version__}, {torch.get_num_threads()} threads'}), flush=True)
for line in sys.stdin:
    model, images_per_second = train(images, labels, int(line))
    with torch.no_grad():
        accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer = {'imagesPerSecond': images_per_second, 'testAccuracy': accuracy, 'rssMiB': rss}
    print(json.dumps(answer), flush=True)
