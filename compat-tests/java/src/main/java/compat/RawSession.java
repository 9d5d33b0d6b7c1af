package compat;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;

/** A session over a bare socket, without pings: what is left of a client that was killed. */
final class RawSession implements AutoCloseable {
    /** What it takes to take the session over. */
    final long id;
    final byte[] password;
    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;

    RawSession(String server, int timeoutMs) throws Exception {
        String[] hostAndPort = server.split(":");
        socket = new Socket(hostAndPort[0], Integer.parseInt(hostAndPort[1]));
        in = new DataInputStream(socket.getInputStream());
        out = new DataOutputStream(socket.getOutputStream());
        out.writeInt(45);
        out.writeInt(0);
        out.writeLong(0);
        out.writeInt(timeoutMs);
        out.writeLong(0);
        out.writeInt(16);
        out.write(new byte[16]);
        out.writeBoolean(false);
        out.flush();
        DataInputStream response = frame();
        response.skipBytes(8);
        id = response.readLong();
        password = new byte[response.readInt()];
        response.readFully(password);
    }

    /** Creates an ephemeral that anyone may do anything with, and waits for the reply. */
    void createEphemeral(String path) throws Exception {
        byte[] name = path.getBytes(StandardCharsets.UTF_8);
        byte[] world = Plain.bytes("world");
        byte[] anyone = Plain.bytes("anyone");
        out.writeInt(8 + 4 + name.length + 4 + 4 + 4 + 4 + world.length + 4 + anyone.length + 4);
        out.writeInt(1);
        out.writeInt(1);
        out.writeInt(name.length);
        out.write(name);
        out.writeInt(-1);
        out.writeInt(1);
        out.writeInt(31);
        out.writeInt(world.length);
        out.write(world);
        out.writeInt(anyone.length);
        out.write(anyone);
        out.writeInt(1);
        out.flush();
        frame();
    }

    private DataInputStream frame() throws Exception {
        byte[] frame = new byte[in.readInt()];
        in.readFully(frame);
        return new DataInputStream(new ByteArrayInputStream(frame));
    }

    /** Waits until the server hangs up. */
    void awaitEnd() throws Exception {
        socket.setSoTimeout(Check.PATIENCE_SECONDS * 1000);
        try {
            Check.eq("the end", -1, in.read());
        } catch (SocketException e) {
            // A reset is an end, too.
        }
    }

    @Override
    public void close() throws Exception {
        socket.close();
    }
}
