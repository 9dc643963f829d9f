// A Java program for the matrix: "serve PORT FOLDER" or "get URL".
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;

public class Web {
    public static void main(String[] words) throws Exception {
        if (words[0].equals("get")) {
            new URL(words[1]).openStream().transferTo(System.out);
            System.out.flush();
            return;
        }
        HttpServer server = HttpServer.create(new InetSocketAddress(Integer.parseInt(words[1])), 16);
        server.createContext("/", exchange -> {
            byte[] body = Files.readAllBytes(Path.of(words[2] + exchange.getRequestURI().getPath()));
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
