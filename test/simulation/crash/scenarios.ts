import { MemoryUser } from '../disk/user.ts';
import { type Machine, root } from '../machine.ts';
import { type Federation, historyMs, hourMs } from './federation.ts';

export interface Scenario {
  readonly name: string;
  /** Everything before the part in which somebody dies. */
  readonly prepare: (federation: Federation) => Promise<void>;
  /** Who dies. */
  readonly victim: (federation: Federation) => Machine;
  readonly act: (federation: Federation) => Promise<void>;
  /** A person asks for something, and may not have been heard. */
  readonly asks?: true;
}

type Deed = Parameters<Federation['work']>[1];

/** What is done on one server, seen by the one that publishes it and by the one that receives it. */
function spread(what: string, before: Deed, deed: Deed): Scenario[] {
  const begin = async (federation: Federation) => {
    federation.work(federation.a, (user, at) => {
      user.write(at('always'), 'is there');
      before(user, at);
    });
    await federation.sync();
    federation.work(federation.a, deed);
  };
  return [
    { name: `publish: ${what}`, prepare: begin, victim: ({ a }) => a, act: (federation) => federation.run(federation.a) },
    {
      name: `apply: ${what}`,
      prepare: async (federation) => {
        await begin(federation);
        await federation.run(federation.a);
      },
      victim: ({ b }) => b,
      act: (federation) => federation.run(federation.b),
    },
  ];
}

/** Short enough for a second death at every point of the recovery from every first one. */
export const shortest: readonly Scenario[] = spread(
  'a file is deleted',
  (user, at) => user.write(at('f'), 'old'),
  (user, at) => user.remove(at('f')),
);

/** Of each kind one, so that each step of an apply has something to do. */
const changes = spread(
  'everything that can be done',
  (user, at) => {
    user.write(at('replaced'), 'old');
    user.write(at('deleted'), 'old');
    for (const path of ['moves', 'goes/below', 'becomes a file', 'rights']) user.makeDirectory(at(path));
    for (const name of ['moves/f', 'goes/f', 'goes/below/g', 'becomes a file/inner', 'becomes a directory', 'becomes a link'])
      user.write(at(name), `content of ${name}`);
    user.makeLink('always', at('becomes another link'));
    user.makeLink('always', at('link becomes a file'));
    user.write(at('two names'), 'of one file');
    user.hardLink(at('two names'), at('the other name'));
  },
  (user, at) => {
    user.save(at('replaced'), 'new content');
    user.remove(at('deleted'));
    user.rename(at('moves'), at('moved'));
    user.remove(at('goes'));
    user.makeDirectory(at('new/inner'));
    user.write(at('new/inner/f'), 'deep');
    user.write(at('new empty'), '');
    user.makeLink('new/inner', at('new link'));
    becomes(user, at('becomes a file'), (path) => user.write(path, 'a file now'));
    becomes(user, at('becomes a directory'), (path) => user.makeDirectory(path));
    user.write(at('becomes a directory/inner'), 'below it');
    becomes(user, at('becomes a link'), (path) => user.makeLink('always', path));
    becomes(user, at('becomes another link'), (path) => user.makeLink('replaced', path));
    becomes(user, at('link becomes a file'), (path) => user.write(path, 'a file now, too'));
    user.chmod(at('two names'), 0o600);
    user.touch(at('two names'), 1_500_000_000_000_000);
    user.chmod(at('rights'), 0o750);
  },
);

function becomes(user: MemoryUser, path: string, make: (path: string) => void): void {
  user.remove(path);
  make(path);
}

const large = spread(
  'a large file in parts',
  (user, at) => user.write(at('large'), 'x'.repeat(500)),
  (user, at) => user.save(at('large'), Array.from({ length: 700 }, (_, line) => `line ${line}\n`).join('')),
);

/** Both have edited one file; who comes second finds out. */
const conflicts: Scenario[] = ['found by who comes second', 'taken in by the other one'].map((name, index) => ({
  name: `conflict: ${name}`,
  prepare: async (federation) => {
    const { a, b } = federation;
    federation.work(a, (user, at) => user.write(at('f'), 'common'));
    await federation.sync();
    federation.work(b, (user, at) => user.save(at('f'), 'of b, the elder'));
    await federation.world.pass(5000);
    federation.work(a, (user, at) => user.save(at('f'), 'of a'));
    await federation.run(a);
    if (index === 1) await federation.run(b);
  },
  victim: ({ a, b }) => (index === 0 ? b : a),
  act: (federation) => federation.run(index === 0 ? federation.b : federation.a),
}));

const guards: Scenario[] = [
  {
    name: 'a hold is approved',
    prepare: async (federation) => {
      await manyFiles(federation);
      federation.work(federation.a, (user, at) => {
        for (let i = 0; i < 30; i++) user.remove(at(`f${i}`));
      });
      await federation.run(federation.a);
    },
    victim: ({ a }) => a,
    act: (federation) => federation.run(federation.a, 'approve'),
  },
];

async function manyFiles(federation: Federation): Promise<void> {
  federation.work(federation.a, (user, at) => {
    for (let i = 0; i < 50; i++) user.write(at(`f${i}`), `content ${i}`);
  });
  await federation.sync();
}

/** Long ago: what a housekeeping has something of everything to do with. */
async function age(federation: Federation): Promise<void> {
  const { a, world } = federation;
  const long = historyMs + hourMs;
  const write = async (generation: number, deed: Deed) => {
    federation.work(a, (user, at) => {
      for (let i = 0; i < 4; i++) user.write(at(`f${i}`), `generation ${generation} of ${i} `.repeat(10));
      user.write(at('small'), `of generation ${generation}`);
      deed(user, at);
    });
    await federation.run(a);
    await world.pass(long);
  };
  await write(0, (user, at) => {
    user.write(at('dies'), 'dies'.repeat(300));
    user.write(at('lives'), 'lives'.repeat(50));
  });
  await write(1, (user, at) => user.remove(at('dies')));
  await federation.run(a, 'housekeep');
  await write(2, (user, at) => user.write(at('dies soon'), 'dies'.repeat(300)));
  await write(3, (user, at) => user.remove(at('dies soon')));
  await federation.run(a, 'housekeep');
  await write(4, (user, at) => user.write(at('newest'), 'newest'.repeat(50)));
}

const keeping: Scenario[] = [
  { name: 'housekeeping', prepare: age, victim: ({ a }) => a, act: (federation) => federation.run(federation.a, 'housekeep') },
  {
    name: 'a new member begins from a snapshot',
    prepare: async (federation) => {
      const { a, world } = federation;
      for (const text of ['first', 'second']) {
        federation.work(a, (user, at) => {
          user.makeDirectory(at('d'));
          for (const name of ['f', 'd/g']) user.write(at(name), `${text} content of ${name}`);
        });
        await federation.run(a);
        await world.pass(30 * hourMs);
      }
      await federation.run(a, 'housekeep');
      federation.work(a, (user, at) => user.write(at('newer'), 'than the snapshot'));
      await federation.run(a);
    },
    victim: ({ b }) => b,
    act: (federation) => federation.run(federation.b),
  },
  {
    name: 'a lost journal is built anew',
    prepare: async (federation) => {
      federation.work(federation.a, (user, at) => {
        user.makeDirectory(at('d'));
        for (const name of ['f', 'd/g']) user.write(at(name), `content of ${name}`);
      });
      await federation.sync();
      federation.work(federation.a, (user, at) => user.save(at('f'), 'newer'));
      await federation.run(federation.a);
      federation.b.state.loseJournal();
    },
    victim: ({ b }) => b,
    act: (federation) => federation.run(federation.b),
  },
  {
    name: 'somebody brings back what was',
    prepare: async (federation) => {
      federation.work(federation.a, (user, at) => user.write(at('f'), 'first'));
      await federation.sync();
      federation.work(federation.a, (user, at) => user.save(at('f'), 'second'));
      await federation.sync();
    },
    victim: ({ a }) => a,
    act: (federation) => federation.run(federation.a, 'restore'),
    asks: true,
  },
];

/** Nobody's program flushes what it writes: the machine has published everything, and has written nothing of it back. */
const unwritten: Scenario = {
  name: 'what was published was still in the memory of the machine',
  prepare: async (federation) => {
    const { a } = federation;
    federation.work(a, (user, at) => {
      for (const name of ['replaced', 'deleted', 'moved', 'stays', 'overwritten']) user.write(at(name), `content of ${name}`);
    });
    await federation.sync();
    federation.work(a, (_, at) => {
      const user = new MemoryUser(a.disk, { flushes: false });
      user.save(at('replaced'), 'new content');
      user.write(at('overwritten'), 'longer content than before');
      user.rename(at('moved'), at('moved away'));
      user.makeDirectory(at('new'));
      user.write(at('new/f'), 'deep');
      user.remove(at('deleted'));
    });
    await federation.run(a);
  },
  victim: ({ a }) => a,
  act: (federation) => federation.run(federation.a),
};

/** Set-id bits of the bucket are not taken over, so the member that dies has set it itself. */
const inheriting: Scenario = {
  name: 'apply: a file in a directory that passes on its group',
  prepare: async (federation) => {
    const { a, b } = federation;
    federation.work(a, (user, at) => {
      user.makeDirectory(at('shared'));
      user.write(at('shared/old'), 'old');
    });
    await federation.sync();
    federation.work(b, (user, at) => {
      user.chown(at('shared'), 0, 50);
      user.chmod(at('shared'), 0o2775);
    });
    await federation.run(b);
    federation.work(a, (user, at) => user.write(at('shared/f'), 'gets the group of its directory'));
    await federation.run(a);
  },
  victim: ({ b }) => b,
  act: (federation) => federation.run(federation.b),
};

/** A server that joins with files of its own. */
const joining: Scenario = {
  name: 'a server joins with other files',
  prepare: async (federation) => {
    federation.work(federation.a, (user, at) => {
      user.write(at('same'), 'same');
      user.write(at('differs'), 'of the log');
    });
    await federation.run(federation.a);
    federation.work(federation.b, (user, at) => {
      user.write(at('same'), 'same');
      user.write(at('differs'), 'of the newcomer');
      user.write(at('own'), 'only here');
    });
  },
  victim: ({ b }) => b,
  act: (federation) => federation.run(federation.b),
};

const seeding: Scenario = {
  name: 'the first member seeds the share',
  prepare: async (federation) =>
    federation.work(federation.a, (user, at) => {
      user.makeDirectory(at('d'));
      user.write(at('d/f'), 'x');
      user.write(at('g'), 'y');
    }),
  victim: ({ a }) => a,
  act: (federation) => federation.run(federation.a),
};

/**
 * Who works on after a death edits what stands there, by a program that keeps an elder time: against a base that was forgotten it would lose.
 */
const goingOn: Scenario[] = [true, false].map((publishes) => ({
  name: `${publishes ? 'publish' : 'apply'}: a file that is edited once more`,
  prepare: async (federation) => {
    const { a } = federation;
    federation.work(a, (user, at) => user.write(at('f'), 'first'));
    await federation.sync();
    federation.work(a, (user, at) => user.save(at('f'), 'second'));
    if (!publishes) await federation.run(a);
  },
  victim: ({ a, b }) => (publishes ? a : b),
  act: async (federation) => {
    const machine = publishes ? federation.a : federation.b;
    await federation.run(machine);
    if (machine.user.read(`${root}/f`) !== 'second') await federation.run(machine);
    federation.work(machine, (user, at) => {
      user.write(at('f'), 'third');
      user.touch(at('f'), 1_500_000_000_000_000);
    });
  },
}));

export const scenarios: readonly Scenario[] = [
  ...shortest,
  ...changes,
  ...large,
  ...conflicts,
  ...guards,
  ...keeping,
  unwritten,
  inheriting,
  joining,
  seeding,
  ...goingOn,
];
