// What came, what was decided and what is done: files that are on disk when a call returns.
import * as fs from "node:fs";

/** Writes a file whole or not at all, for our eyes only. */
export function writeWhole(folder, name, content) {
  const draft = `${folder}/.${name}`;
  const [file, place] = [fs.openSync(draft, "w", 0o600), fs.openSync(folder, "r")];
  fs.writeFileSync(file, content);
  fs.fsyncSync(file);
  fs.renameSync(draft, `${folder}/${name}`);
  fs.fsyncSync(place);
  [file, place].forEach((opened) => fs.closeSync(opened));
}

/** One line for each step, never changed. One program per folder: a second would not see them. */
export class Journal {
  open = new Map(); // message → what we answer to it, not yet finished
  done = new Set();
  feeds = new Map(); // source → its last number, and the stretches [first, last] that never came

  constructor(path) {
    this.file = fs.openSync(path, "a+", 0o600);
    const whole = fs.readFileSync(path, "utf8").replace(/[^\n]*$/, ""); // a crash may leave half a line
    fs.ftruncateSync(this.file, Buffer.byteLength(whole));
    whole.split("\n").filter(Boolean).forEach((line) => this.#take(JSON.parse(line)));
  }

  note(line) {
    fs.writeSync(this.file, `${JSON.stringify(line)}\n`);
    fs.fsyncSync(this.file);
    this.#take(line);
  }

  #take({ took, answers, done, source, number, trimmed = [] }) {
    if (took) this.open.set(took, answers);
    if (done && this.open.delete(done)) this.done.add(done);
    if (source && number) this.#follow(source, number, trimmed);
  }

  /** A gap is something to tell, never a reason to wait; a number taken back is no gap. */
  #follow(source, number, trimmed) {
    const { last, missing } = this.feeds.get(source) ?? { last: 0, missing: [] };
    if (number > last + 1) missing.push([last + 1, number - 1]);
    const cut = ([from, to], gone) => [[from, Math.min(to, gone - 1)], [Math.max(from, gone + 1), to]];
    const without = (left, gone) => left.flatMap((one) => (gone < one[0] || gone > one[1] ? [one] : cut(one, gone)));
    const left = [number, ...trimmed].reduce(without, missing).filter(([from, to]) => from <= to);
    this.feeds.set(source, { last: Math.max(last, number), missing: left });
  }
}
