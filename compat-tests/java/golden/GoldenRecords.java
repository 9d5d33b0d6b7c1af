import java.io.*;
import java.lang.reflect.*;
import java.util.*;
import org.apache.jute.*;

/** Prints one line per record of the IDL and variant: module, class, variant, bytes in hex. */
public class GoldenRecords {
    static int counter;

    static Object value(Class<?> type, Type generic, int variant) throws Exception {
        counter++;
        if (type == int.class) return variant == 0 ? -counter : counter * 0x01010101;
        if (type == long.class) return variant == 0 ? -(long) counter : counter * 0x0101010101010101L;
        if (type == boolean.class) return variant % 2 == 0;
        if (type == String.class) return variant == 0 ? null : variant == 1 ? "" : (variant < 4 ? "/n\u00e9\u20ac" : "\ud83d\ude00") + counter;
        if (type == byte[].class) return variant == 0 ? null : variant == 1 ? new byte[0] : new byte[] {(byte) counter, -1, 0};
        if (type == List.class) {
            if (variant == 0) return null;
            List<Object> list = new ArrayList<>();
            Class<?> element = (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
            for (int i = 1; i < Math.min(variant, 3); i++) list.add(value(element, element, variant));
            return list;
        }
        return fill(type, variant);
    }

    static Object fill(Class<?> type, int variant) throws Exception {
        Object record = type.getConstructor().newInstance();
        for (Field f : type.getDeclaredFields()) {
            if (Modifier.isStatic(f.getModifiers())) continue;
            f.setAccessible(true);
            f.set(record, value(f.getType(), f.getGenericType(), variant));
        }
        return record;
    }

    public static void main(String[] names) throws Exception {
        for (String name : names) {
            Class<?> type = Class.forName(name);
            for (int variant = 0; variant < 5; variant++) {
                counter = 0;
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                try {
                    ((org.apache.jute.Record) fill(type, variant)).serialize(BinaryOutputArchive.getArchive(out), "r");
                } catch (NullPointerException nullRecord) {
                    continue;
                }
                StringBuilder hex = new StringBuilder();
                for (byte b : out.toByteArray()) hex.append(String.format("%02x", b));
                System.out.println(type.getSimpleName() + " " + variant + " " + hex);
            }
        }
    }
}
