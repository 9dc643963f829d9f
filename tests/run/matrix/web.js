// A Node program for the matrix: "serve PORT FOLDER", "cluster PORT FOLDER" or "get URL".
const http = require("http"), fs = require("fs"), cluster = require("cluster");
const [what, where, folder] = process.argv.slice(2);
const serve = () => http.createServer((request, reply) => fs.createReadStream(folder + request.url).pipe(reply)).listen(+where);
if (what === "get") http.get(where, (reply) => reply.pipe(process.stdout));
else if (what === "serve" || !cluster.isMaster) serve();
else for (let i = 0; i < 3; i++) cluster.fork();
