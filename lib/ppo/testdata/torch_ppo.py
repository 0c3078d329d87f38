"""PPO in PyTorch, as the reference of package ppo.

    torch_ppo.py bench ENVS STEPS MINIBATCHES SECONDS THREADS
        trains on CartPole-v1, its physics vectorised in NumPy, with the defaults of ppo.Default, and prints as JSON the
        steps per second of the fastest iteration.

    torch_ppo.py update FILE...
        takes the gradient steps that each safetensors file describes, in float64, and prints the parameters as JSON.
"""

import json
import math
import sys
import time

import numpy as np
import torch


class CartPole:
    """CartPole-v1, many at a time (rules: Gymnasium, classic_control/cartpole.py)."""

    def __init__(self, count, rng):
        self.rng = rng
        self.state = rng.uniform(-0.05, 0.05, (4, count))
        self.age = np.zeros(count, dtype=np.int64)

    def observe(self):
        return np.ascontiguousarray(self.state.T, dtype=np.float32)

    def step(self, action):
        """Returns the observations after the step, before and after resets, and who fell and who ran out of time."""
        x, v, angle, spin = self.state
        push = np.where(action == 1, 10.0, -10.0)
        sin, cos = np.sin(angle), np.cos(angle)
        temp = (push + 0.05 * spin * spin * sin) / 1.1
        turn = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1))
        pull = temp - 0.05 * turn * cos / 1.1
        self.state = np.stack([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * spin, spin + 0.02 * turn])
        self.age += 1
        fell = (np.abs(self.state[0]) > 2.4) | (np.abs(self.state[2]) > 12 * 2 * math.pi / 360)
        late = (self.age >= 500) & ~fell
        after = self.observe()
        over = fell | late
        if over.any():
            self.state[:, over] = self.rng.uniform(-0.05, 0.05, (4, int(over.sum())))
            self.age[over] = 0
        return after, self.observe(), fell, late


def layer(inputs, outputs, gain):
    linear = torch.nn.Linear(inputs, outputs)
    torch.nn.init.orthogonal_(linear.weight, gain)
    torch.nn.init.zeros_(linear.bias)
    return linear


def network(inputs, hidden, outputs, gain, activation=torch.nn.Tanh):
    layers = []
    for width in hidden:
        layers += [layer(inputs, width, math.sqrt(2)), activation()]
        inputs = width
    return torch.nn.Sequential(*layers, layer(inputs, outputs, gain))


class Pool(torch.nn.Module):
    """Max-pooling 3x3 of stride 2 with the padding that TensorFlow and JAX call SAME."""

    def forward(self, x):
        sides = []
        for n in (x.shape[3], x.shape[2]):
            total = max((math.ceil(n / 2) - 1) * 2 + 3 - n, 0)
            sides += [total // 2, total - total // 2]
        return torch.nn.functional.max_pool2d(torch.nn.functional.pad(x, sides, value=-math.inf), 3, 2)


class Impala(torch.nn.Module):
    """The residual network of Espeholt et al. 2018 on the first numbers of an observation, rows x columns x channels."""

    def __init__(self, image, channels, others, hidden, outputs, activation):
        super().__init__()
        self.image = image["Height"], image["Width"], image["Channels"]
        self.pool = Pool()
        self.convs = torch.nn.ModuleList()
        height, width, inputs = self.image
        for c in channels:
            for _ in range(5):
                self.convs.append(torch.nn.Conv2d(inputs, c, 3, padding=1))
                inputs = c
            height, width = (height + 1) // 2, (width + 1) // 2
        self.dense = network(height * width * inputs + others, hidden, outputs, 1.0, activation)

    def forward(self, obs):
        size = math.prod(self.image)
        x = obs[:, :size].reshape(-1, *self.image).permute(0, 3, 1, 2)
        for block in range(0, len(self.convs), 5):
            conv = self.convs[block:block + 5]
            x = self.pool(conv[0](x))
            for i in (1, 3):
                x = x + conv[i + 1](torch.relu(conv[i](torch.relu(x))))
        x = torch.relu(x).permute(0, 2, 3, 1).flatten(1)
        return self.dense(torch.cat([x, obs[:, size:]], dim=1))


class Recurrent(torch.nn.Module):
    """A network without its head, then a GRU and a head, on the steps of sequences: time by time, sequence by sequence."""

    def __init__(self, body, inputs, width, outputs):
        super().__init__()
        self.body, self.cell = body, torch.nn.GRUCell(inputs, width)
        self.head = torch.nn.Linear(width, outputs)
        self.state = self.begin = None  # before the first step of each sequence; which steps begin anew

    def forward(self, obs):
        count = len(self.state)
        h, states = self.state, []
        for x, begin in zip(self.body(obs).split(count), self.begin.split(count)):
            h = self.cell(x, h * (1 - begin)[:, None])
            states.append(h)
        return self.head(torch.cat(states))


class Column(torch.nn.Module):
    """Some outputs of a network that several heads share."""

    def __init__(self, net, columns):
        super().__init__()
        self.net, self.columns = net, columns

    def forward(self, obs):
        return self.net(obs)[:, self.columns]


class Learner:
    """actor and critic may share parameters. heads are the sizes of the parts of multi-discrete actions; log_std is a parameter if actions are continuous."""

    def __init__(self, actor, critic, cfg, heads=None, log_std=None):
        self.actor, self.critic, self.cfg, self.heads, self.log_std = actor, critic, cfg, heads, log_std
        self.parameters = list({id(p): p for m in (actor, critic) for p in m.parameters()}.values())
        if log_std is not None:
            self.parameters.append(log_std)
        self.adam = torch.optim.Adam(self.parameters, lr=cfg["LearningRate"], eps=cfg.get("AdamEps", 0) or 1e-5)

    def policy(self, obs, action):
        """Returns the log probabilities of the actions and the mean entropy."""
        out = self.actor(obs)
        if self.log_std is not None:
            normal = torch.distributions.Normal(out, self.log_std.exp().expand_as(out))
            return normal.log_prob(action).sum(1), normal.entropy().sum(1).mean()
        if self.heads is not None:
            parts = [torch.distributions.Categorical(logits=x) for x in out.split(self.heads, dim=1)]
            return (sum(p.log_prob(action[:, i]) for i, p in enumerate(parts)),
                    sum(p.entropy() for p in parts).mean())
        log_probs = torch.log_softmax(out, dim=1)
        return log_probs.gather(1, action[:, None])[:, 0], -(log_probs.exp() * log_probs).sum(1).mean()

    def step(self, obs, action, old_log_prob, advantage, ret, old_value):
        """One gradient step on a minibatch."""
        cfg = self.cfg
        log_prob, entropy = self.policy(obs, action)
        ratio = (log_prob - old_log_prob).exp()
        if cfg["NormalizeAdvantage"]:
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        clipped = ratio.clamp(1 - cfg["Clip"], 1 + cfg["Clip"])
        policy_loss = torch.max(-advantage * ratio, -advantage * clipped).mean()
        value = self.critic(obs)[:, 0]
        error = (value - ret) ** 2
        if cfg["ClipValue"]:
            held = old_value + (value - old_value).clamp(-cfg["Clip"], cfg["Clip"])
            error = torch.max(error, (held - ret) ** 2)
        loss = policy_loss - cfg["EntropyCoef"] * entropy + cfg["ValueCoef"] * 0.5 * error.mean()
        self.adam.zero_grad()
        loss.backward()
        if cfg["MaxGradNorm"] > 0:
            torch.nn.utils.clip_grad_norm_(self.parameters, cfg["MaxGradNorm"])
        self.adam.step()


def bench(envs, steps, minibatches, seconds, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    world = CartPole(envs, rng)
    gamma, lam, epochs = 0.99, 0.95, 4
    learner = Learner(network(4, [64, 64], 2, 0.01), network(4, [64, 64], 1, 1.0), {
        "LearningRate": 2.5e-4, "NormalizeAdvantage": True, "Clip": 0.2, "ClipValue": True,
        "EntropyCoef": 0.01, "ValueCoef": 0.5, "MaxGradNorm": 0.5,
    })
    obs = np.zeros((steps, envs, 4), dtype=np.float32)
    after = np.zeros_like(obs)
    action = np.zeros((steps, envs), dtype=np.int64)
    log_prob, fell, over = (np.zeros((steps, envs), dtype=np.float32) for _ in range(3))
    current = world.observe()
    best, start = 0.0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        begin = time.perf_counter()
        with torch.no_grad():
            for t in range(steps):
                obs[t] = current
                logits = torch.log_softmax(learner.actor(torch.from_numpy(current)), dim=1).numpy()
                chosen = (rng.random(envs) > np.exp(logits[:, 0])).astype(np.int64)
                action[t], log_prob[t] = chosen, logits[np.arange(envs), chosen]
                after[t], current, f, late = world.step(chosen)
                fell[t], over[t] = f, f | late
            value = learner.critic(torch.from_numpy(obs.reshape(-1, 4))).numpy().reshape(steps, envs)
            following = np.zeros_like(value)  # the value of the state after each step
            following[:-1] = value[1:]
            cut = over > fell
            cut[-1] = True
            following[cut] = learner.critic(torch.from_numpy(after[cut])).numpy()[:, 0]
        advantage = 1 + gamma * following * (1 - fell) - value
        for t in range(steps - 2, -1, -1):
            advantage[t] += gamma * lam * (1 - over[t]) * advantage[t + 1]
        flat = [torch.from_numpy(x.reshape((-1,) + x.shape[2:]))
                for x in (obs, action, log_prob, advantage, advantage + value, value)]
        for _ in range(epochs):
            for rows in torch.randperm(envs * steps).chunk(minibatches):
                learner.step(*(x[rows] for x in flat))
        best = max(best, envs * steps / (time.perf_counter() - begin))
    print(json.dumps({"steps_per_second": best}))


def read_safetensors(path):
    """Returns the tensors, as float64 or int64, and the metadata."""
    with open(path, "rb") as f:
        data = f.read()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    meta = header.pop("__metadata__")
    kinds = {"F32": ("<f4", np.float64), "F64": ("<f8", np.float64), "I32": ("<i4", np.int64)}
    out = {}
    for name, t in header.items():
        stored, wanted = kinds[t["dtype"]]
        lo, hi = t["data_offsets"]
        x = np.frombuffer(data[8 + size + lo:8 + size + hi], dtype=stored).reshape(t["shape"])
        out[name] = torch.from_numpy(x.astype(wanted))
    return out, meta


def update(path):
    torch.set_num_threads(1)
    tensors, meta = read_safetensors(path)
    cfg = json.loads(meta["config"])
    policy = json.loads(meta["policy"])
    spec, hidden = policy["Spec"], cfg["Hidden"] or []
    activation = torch.nn.ReLU if policy.get("Activation") == "relu" else torch.nn.Tanh
    nets, memory = {}, policy.get("Memory", 0)
    for name in ("shared",) if policy.get("Shared") else ("actor", "critic"):
        inputs, outputs = tensors["obs"].shape[1], tensors["%s.layer%d.bias" % (name, len(hidden))].shape[0]
        if policy.get("Conv"):
            others = inputs - math.prod(spec["Image"][k] for k in ("Height", "Width", "Channels"))
            nets[name] = Impala(spec["Image"], policy["Conv"], others, hidden, outputs, activation).double()
        else:
            nets[name] = network(inputs, hidden, outputs, 1.0, activation).double()
        if memory:
            net = nets[name]
            dense = net.dense if policy.get("Conv") else net
            inputs = dense[-1].in_features
            if policy.get("Conv"):
                net.dense = dense[:-1]
            else:
                net = dense[:-1]
            nets[name] = Recurrent(net, inputs, memory, outputs).double()
    layers = {}  # weights and biases by the names of their tensors, with the order of our axes as PyTorch's go
    for name, net in nets.items():
        dense = [m for m in net.modules() if isinstance(m, torch.nn.Linear)]
        layers.update(("%s.layer%d" % (name, i), (m.weight, m.bias, (1, 0), (1, 0))) for i, m in enumerate(dense))
        convs = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
        layers.update(("%s.conv%d" % (name, i), (m.weight, m.bias, (3, 2, 0, 1), (2, 3, 1, 0))) for i, m in enumerate(convs))
        if memory:
            layers[name + ".gru.input"] = net.cell.weight_ih, net.cell.bias_ih, (1, 0), (1, 0)
            layers[name + ".gru.recurrent"] = net.cell.weight_hh, net.cell.bias_hh, (1, 0), (1, 0)
    with torch.no_grad():
        for name, (weight, bias, from_ours, _) in layers.items():
            weight.copy_(tensors[name + ".weight"].permute(*from_ours))
            bias.copy_(tensors[name + ".bias"])
    if "shared" in nets:
        net = nets["shared"]
        nets = {"actor": Column(net, slice(0, -1)), "critic": Column(net, slice(-1, None))}
    heads = [n for n in spec.get("Heads", []) if n > 0] or None
    named = [name for name in ("actor.log_std", "shared.log_std") if name in tensors]
    log_std = tensors[named[0]].clone().requires_grad_() if named else None
    learner = Learner(nets["actor"], nets["critic"], cfg, heads, log_std)
    samples = [tensors[k] for k in ("obs", "action", "log_prob", "advantage", "return", "value")]
    for rows in tensors["rows"]:
        if memory:
            net.begin, net.state = tensors["begin"][rows].double(), tensors["initial"][rows[:len(rows) // cfg["Rollout"]]]
        learner.step(*(x[rows] for x in samples))
    out = {}
    for name, (weight, bias, _, to_ours) in layers.items():
        out[name + ".weight"] = weight.permute(*to_ours).flatten().tolist()
        out[name + ".bias"] = bias.tolist()
    if log_std is not None:
        out[named[0]] = log_std.tolist()
    return out


if __name__ == "__main__":
    if sys.argv[1] == "bench":
        bench(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6]))
    else:
        print(json.dumps([update(path) for path in sys.argv[2:]]))
