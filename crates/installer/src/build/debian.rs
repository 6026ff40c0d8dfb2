//! Which Debian packages have the headers, libraries and programs that builds often lack. Must not know how it is
//! noticed that one is missing.

/// By name, or by the beginning of a name where a star ends it: `ffi.h`, `openssl/*`, `libxml*`. The
/// first that fits counts.
const PACKAGES: &[(&str, &str)] = &[
    // Programs.
    ("autoreconf", "autoconf automake libtool"),
    ("bison", "bison"),
    ("cmake", "cmake"),
    ("curl-config", "libcurl4-openssl-dev"),
    ("dot", "graphviz libgraphviz-dev"),
    ("flex", "flex"),
    ("gdal-config", "libgdal-dev"),
    ("geos-config", "libgeos-dev"),
    ("gfortran", "gfortran"),
    ("git", "git"),
    ("go", "golang"),
    ("java*", "default-jdk-headless"),
    ("krb5-config", "libkrb5-dev"),
    ("llvm-config*", "llvm-dev"),
    ("make", "make"),
    ("mpicc", "libopenmpi-dev"),
    ("mysql_config", "default-libmysqlclient-dev pkg-config"),
    ("nasm", "nasm"),
    ("nc-config", "libnetcdf-dev"),
    ("ninja", "ninja-build"),
    ("npm", "npm"),
    ("patchelf", "patchelf"),
    ("pg_config", "libpq-dev"),
    ("pkg-config", "pkg-config"),
    ("protoc", "protobuf-compiler"),
    ("swig*", "swig"),
    ("xml2-config", "libxml2-dev libxslt1-dev"),
    ("xslt-config", "libxml2-dev libxslt1-dev"),
    // Headers and libraries, as compilers, linkers and pkg-config name them.
    ("Python.h", "python3-dev"),
    ("Eigen*", "libeigen3-dev"),
    ("GL/*", "libgl-dev"),
    ("OpenSSL", "libssl-dev"),
    ("X11*", "libx11-dev"),
    ("alsa*", "libasound2-dev"),
    ("blas*", "libopenblas-dev"),
    ("bluetooth/*", "libbluetooth-dev"),
    ("boost*", "libboost-all-dev"),
    ("bz*", "libbz2-dev"),
    ("cairo*", "libcairo2-dev"),
    ("cblas*", "libopenblas-dev"),
    ("crypt.h", "libcrypt-dev"),
    ("cups/*", "libcups2-dev"),
    ("curl*", "libcurl4-openssl-dev"),
    ("curses*", "libncurses-dev"),
    ("db.h", "libdb-dev"),
    ("dbus*", "libdbus-1-dev libglib2.0-dev"),
    ("event*", "libevent-dev"),
    ("ffi*", "libffi-dev"),
    ("libffi*", "libffi-dev"),
    ("fftw*", "libfftw3-dev"),
    ("freetype*", "libfreetype-dev"),
    ("ft2build.h", "libfreetype-dev"),
    ("gdal*", "libgdal-dev"),
    ("geos*", "libgeos-dev"),
    ("gio*", "libglib2.0-dev"),
    ("girepository-2.0", "libgirepository-2.0-dev"),
    ("glib*", "libglib2.0-dev"),
    ("gmp*", "libgmp-dev"),
    ("gobject-introspection*", "libgirepository1.0-dev"),
    ("gobject*", "libglib2.0-dev"),
    ("gpgme*", "libgpgme-dev"),
    ("graphviz/*", "libgraphviz-dev"),
    ("gssapi*", "libkrb5-dev"),
    ("hdf5*", "libhdf5-dev pkg-config"),
    ("HDF5", "libhdf5-dev pkg-config"),
    ("icu*", "libicu-dev"),
    ("jpeg*", "libjpeg-dev"),
    ("krb5*", "libkrb5-dev"),
    ("lapack*", "libopenblas-dev"),
    ("lber*", "libldap-dev libsasl2-dev"),
    ("lcms2*", "liblcms2-dev"),
    ("ldap*", "libldap-dev libsasl2-dev"),
    ("leveldb*", "libleveldb-dev"),
    ("libav*", "libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev"),
    ("libmysqlclient*", "default-libmysqlclient-dev pkg-config"),
    ("libpng*", "libpng-dev"),
    ("libpq*", "libpq-dev"),
    ("libsystemd*", "libsystemd-dev"),
    ("libusb*", "libusb-1.0-0-dev"),
    ("libxml*", "libxml2-dev libxslt1-dev"),
    ("libxslt*", "libxml2-dev libxslt1-dev"),
    ("lzma*", "liblzma-dev"),
    ("magic.h", "libmagic-dev"),
    ("mariadb*", "libmariadb-dev pkg-config"),
    ("mpc.h", "libmpc-dev"),
    ("mpfr.h", "libmpfr-dev"),
    ("mpi.h", "libopenmpi-dev"),
    ("my_config.h", "default-libmysqlclient-dev pkg-config"),
    ("mysql*", "default-libmysqlclient-dev pkg-config"),
    ("ncurses*", "libncurses-dev"),
    ("netcdf*", "libnetcdf-dev"),
    ("numa.h", "libnuma-dev"),
    ("openblas*", "libopenblas-dev"),
    ("openjp*", "libopenjp2-7-dev"),
    ("openssl*", "libssl-dev pkg-config"),
    ("pcap*", "libpcap-dev"),
    ("png.h", "libpng-dev"),
    ("portaudio*", "portaudio19-dev"),
    ("proj*", "libproj-dev"),
    ("re2/*", "libre2-dev"),
    ("readline*", "libreadline-dev"),
    ("rocksdb*", "librocksdb-dev"),
    ("sasl*", "libsasl2-dev"),
    ("sdl2*", "libsdl2-dev"),
    ("SDL*", "libsdl2-dev"),
    ("snappy*", "libsnappy-dev"),
    ("sndfile*", "libsndfile1-dev"),
    ("sodium*", "libsodium-dev"),
    ("sqlfront.h", "freetds-dev"),
    ("sqlite3*", "libsqlite3-dev"),
    ("sql.h", "unixodbc-dev"),
    ("sqlext.h", "unixodbc-dev"),
    ("sybdb.h", "freetds-dev"),
    ("tcl.h", "tk-dev"),
    ("tiff*", "libtiff-dev"),
    ("tk.h", "tk-dev"),
    ("unicode/*", "libicu-dev"),
    ("uuid/*", "uuid-dev"),
    ("uv.h", "libuv1-dev"),
    ("webp*", "libwebp-dev"),
    ("xmlsec*", "libxmlsec1-dev pkg-config"),
    ("yaml*", "libyaml-dev"),
    ("zlib*", "zlib1g-dev"),
    ("ZLIB", "zlib1g-dev"),
    ("zmq*", "libzmq3-dev"),
];

/// The packages, as `apt-get install` takes them.
pub fn debian_package(name: &str) -> Option<&'static str> {
    let fits = |known: &str| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == known,
    };
    PACKAGES.iter().find(|(known, _)| fits(known)).map(|(_, package)| *package)
}

#[cfg(test)]
mod tests {
    use super::debian_package;

    #[test]
    fn headers_libraries_and_programs_are_found_by_their_names() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(debian_package(name), expected, "{name}");
        };
        check("Python.h", Some("python3-dev"));
        check("openssl/ssl.h", Some("libssl-dev pkg-config"));
        check("libxml-2.0", Some("libxml2-dev libxslt1-dev"));
        check("gobject-2.0", Some("libglib2.0-dev"));
        check("gobject-introspection-1.0", Some("libgirepository1.0-dev"));
        check("mysqlclient", Some("default-libmysqlclient-dev pkg-config"));
        check("makeinfo", None);
        check("ta_lib", None);
    }
}
