/** What was dropped, folders walked through. Names keep the folders they lay in. */

export interface Named {
  file: File;
  name: string;
}

/** Files that nobody means to upload. */
const NOISE = /(^|\/)(\.[^/]+|Thumbs\.db|desktop\.ini|~\$[^/]*)$/i;

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A reader gives at most a hundred entries a time; an empty answer is the end. */
async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all;
    all.push(...some);
  }
}

export async function walked(entry: FileSystemEntry): Promise<Named[]> {
  const name = entry.fullPath.replace(/^\//, "");
  if (NOISE.test(name)) return [];
  if (entry.isFile) return [{ file: await fileOf(entry as FileSystemFileEntry), name }];
  const inside = await entriesOf(entry as FileSystemDirectoryEntry);
  return (await Promise.all(inside.map(walked))).flat();
}

export async function fromDrop(data: DataTransfer): Promise<Named[]> {
  // Entries must be taken before the first await: the list is emptied when the event ends.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length) return (await Promise.all(entries.map(walked))).flat();
  return [...data.files].map((file) => ({ file, name: file.name }));
}
